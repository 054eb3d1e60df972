// What is known of a result, in words and bars.

import { duration, h, icon } from './dom.js';
import { CHANNELS, meaning, scoreText } from './results.js';

/** @param {Hit} hit */
export function verdict(hit) {
  const badge = {
    match: () => h('span', { class: 'match' }, icon('check'), 'match'),
    part: () => h('span', { class: 'part' }, 'part'),
    no_match: () => h('span', {}, 'not verified'),
  }[hit.verdict]();
  return h(
    'section',
    {},
    h('p', { class: 'verdict' }, h('span', { class: 'big' }, scoreText(hit.score)), badge),
    h('p', { class: 'hint' }, meaning(hit)),
    hit.agreement &&
      h(
        'p',
        { class: 'hint' },
        `${hit.agreement.inliers} of ${hit.agreement.tentative} places agree, over ${Math.round(hit.agreement.coverage * 100)} % of the common area.`,
      ),
    hit.agreement?.agreeing !== undefined && h('p', { class: 'hint' }, ground(hit.agreement)),
  );
}

/** What lies between the places that agree. @param {Agreement} agreement */
function ground(agreement) {
  const percent = (/** @type {number | undefined} */ share) => `${Math.round((share ?? 0) * 100)} %`;
  const rival =
    agreement.rival === undefined ? '' : ` Picture ${agreement.rival} explains the same place of the query better.`;
  const turned = agreement.mirrored ? 'It is the mirror image that agrees. ' : '';
  return `${turned}Of the ground that both show ${percent(agreement.agreeing)} agrees and ${percent(agreement.differing)} differs: the same object with a probability of ${percent(agreement.sameness)}.${rival}`;
}

/** @param {Hit} hit */
export function shares(hit) {
  if (!hit.shares.length) return null;
  const rows = hit.shares.map((share) =>
    h(
      'div',
      { class: 'bar' },
      h(
        'span',
        { title: `${CHANNELS[share.channel] ?? share.channel}: place ${share.rank}` },
        CHANNELS[share.channel] ?? share.channel,
      ),
      h('i', { style: { '--share': `${Math.min(100, Math.max(0, share.score) * 100)}%` } }),
      h('b', {}, `${share.score.toFixed(2)} · ${share.rank}.`),
    ),
  );
  const caption = hit.caption && h('p', { class: 'quote' }, hit.caption.text);
  return h('section', {}, h('h3', {}, 'Share of each channel: similarity · place'), rows, caption);
}

/** Where the time went. @param {Answer | undefined} answer */
export function stages(answer) {
  if (!answer?.stages.length) return null;
  const most = Math.max(...answer.stages.map((stage) => stage.ms), 0.001);
  const rows = answer.stages.map((stage) =>
    h(
      'div',
      { class: 'bar time' },
      h('span', { title: `${stage.out.toLocaleString('en')} ${stage.unit}` }, stage.stage),
      h('i', { style: { '--share': `${(100 * stage.ms) / most}%` } }),
      h('b', {}, duration(stage.ms)),
    ),
  );
  return h('section', {}, h('h3', {}, `Time of each stage: ${duration(answer.ms)}`), rows);
}

/** @param {Picture} picture */
export function facts(picture) {
  const place =
    picture.latitude !== undefined &&
    picture.latitude !== null &&
    picture.longitude !== undefined &&
    picture.longitude !== null;
  /** @type {[string, string | undefined][]} */
  const rows = [
    ['Name', (picture.names ?? [picture.name]).join(', ')],
    ['Path', picture.path],
    ['Size', `${picture.width} × ${picture.height}${picture.format ? `, ${picture.format}` : ''}`],
    ['Taken', picture.taken?.replace('T', ' ')],
    ['Camera', picture.camera],
    ['Place', place ? `${picture.latitude?.toFixed(4)}, ${picture.longitude?.toFixed(4)}` : undefined],
    ['Features', picture.features?.toLocaleString('en')],
  ];
  const own = new Set(['taken', 'camera', 'latitude', 'longitude']);
  for (const [key, value] of Object.entries(picture.metadata ?? {}))
    if (!own.has(key)) rows.push([key, Array.isArray(value) ? value.join(', ') : String(value)]);
  return h(
    'dl',
    { class: 'pairs' },
    rows.flatMap(([key, value]) => (value ? [h('dt', {}, key), h('dd', {}, value)] : [])),
  );
}
