// The answer: what was found as a justified grid, the cut-off, and the pictures of the collection while nothing is asked.

import * as api from './api.js';
import { announce, counted, duration, h, icon, svg, told } from './dom.js';
import { addressOf, BLANK, condition, go, partText, state } from './state.js';

/** What can answer, in words. */
export const CHANNELS = /** @type {Record<string, string>} */ ({
  words: 'Visual words',
  global: 'Look',
  captions: 'Caption words',
  text: 'Caption sense',
});

/** Results asked for at once (all that are ever ranked, as a rule), and pictures of a page while nothing is asked. */
const PAGE = 200;
/** Answers kept for the back button. */
const KEPT = 12;

/** @typedef {{ items: (Hit | Picture)[], total: number, answer?: Answer, more: boolean }} Found */

export class Results {
  /** @type {Map<string, Found>} */
  kept = new Map();
  key = '';
  /** @type {AbortController | undefined} */
  going;
  /** @type {Set<() => void>} */
  watchers = new Set();
  drawn = '';

  /**
   * @param {HTMLElement} main
   * @param {import('./app.js').PageDesk} desk
   */
  constructor(main, desk) {
    this.desk = desk;
    this.line = h('p', { class: 'line' });
    this.notes = h('div', { class: 'notes' });
    this.cut = h('div', { class: 'cut', hidden: true });
    this.by = h('select', {
      id: 'by',
      hidden: true,
      'aria-label': 'Search by',
      onchange: () => go({ channels: this.by.value ? [this.by.value] : [], min: null }),
    });
    this.mirrored = h('input', {
      type: 'checkbox',
      id: 'mirrored',
      onchange: () => go({ mirrored: this.mirrored.checked, min: null }),
    });
    this.turned = h('label', { class: 'only', hidden: true }, this.mirrored, 'Mirrored too');
    this.grid = h('ul', { class: 'grid', id: 'grid', 'aria-label': 'Pictures', role: 'list' });
    this.foot = h('div', { class: 'foot' });
    this.element = h(
      'section',
      { class: 'pictures', 'aria-label': 'Results' },
      h('h1', { class: 'unseen' }, 'Pictures'),
      h('div', { class: 'status' }, h('div', { class: 'line-and-by' }, this.line, this.by, this.turned), this.cut),
      this.notes,
      this.grid,
      this.foot,
    );
    this.grid.addEventListener('keydown', (event) => this.walk(event));
    this.grid.addEventListener('click', (event) => this.click(event));
    main.append(this.element);
    this.watcher = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && void this.more());
    this.watcher.observe(this.foot);
  }

  /** What is shown by now, for the other views. @returns {Found | undefined} */
  found() {
    return this.kept.get(this.key);
  }

  /** @param {() => void} listener */
  onFound(listener) {
    this.watchers.add(listener);
  }

  forget() {
    this.kept.clear();
    this.key = '';
  }

  hide() {}

  /** @param {State} now */
  show(now) {
    this.look(now);
  }

  /** Asks, if the question is another one, and draws. @param {State} now */
  look(now) {
    const key = JSON.stringify([now.collection, now.parts.map(partText), condition(now), now.channels, now.mirrored]);
    if (key !== this.key) {
      this.key = key;
      this.going?.abort();
      if (!this.kept.has(key)) return void this.ask(now, key);
      this.tell();
    }
    this.draw();
  }

  /** @param {State} now @param {string} key @param {number} [offset] */
  async ask(now, key, offset = 0) {
    this.going?.abort();
    const going = (this.going = new AbortController());
    this.element.setAttribute('aria-busy', 'true');
    this.element.classList.add('waiting');
    try {
      const found = await this.fetch(now, offset, going.signal);
      const before = offset ? this.kept.get(key) : undefined;
      if (before) found.items = [...before.items, ...found.items];
      if (before && found.answer)
        found.answer = { ...found.answer, ms: before.answer?.ms ?? 0, stages: before.answer?.stages ?? [] };
      this.keep(key, found);
    } catch (error) {
      if (error instanceof DOMException) return;
      if (!(error instanceof api.Problem)) throw error;
      if (key === this.key) this.complain(error);
      return;
    } finally {
      if (this.going === going) {
        this.element.removeAttribute('aria-busy');
        this.element.classList.remove('waiting');
      }
    }
    if (key !== this.key) return;
    this.draw();
    this.tell();
    if (!offset) announce(this.line.textContent ?? '');
  }

  /** @param {State} now @param {number} offset @param {AbortSignal} signal @returns {Promise<Found>} */
  async fetch(now, offset, signal) {
    const where = condition(now);
    if (!now.parts.length) {
      const { total, images } = await api.images(now.collection, { where, offset, limit: PAGE }, signal);
      return { items: images, total, more: offset + images.length < total && images.length > 0 };
    }
    const answer = await api.search(
      now.collection,
      { parts: now.parts, where, channels: now.channels, mirrored: now.mirrored, limit: PAGE, offset },
      signal,
    );
    return {
      items: answer.hits,
      total: answer.total,
      answer,
      more: offset + answer.hits.length < answer.total && answer.hits.length > 0,
    };
  }

  /** @param {string} key @param {Found} found */
  keep(key, found) {
    this.kept.delete(key);
    this.kept.set(key, found);
    for (const old of [...this.kept.keys()].slice(0, -KEPT)) this.kept.delete(old);
  }

  async more() {
    const found = this.found();
    if (!found?.more || this.element.classList.contains('waiting') || this.element.hidden || state().min !== null)
      return;
    await this.ask(state(), this.key, found.items.length);
  }

  tell() {
    for (const watcher of this.watchers) watcher();
  }

  /** @param {api.Problem} problem */
  complain(problem) {
    this.kept.delete(this.key);
    this.key = '';
    this.drawn = '';
    this.line.replaceChildren();
    this.cut.hidden = true;
    this.by.hidden = !state().channels.length;
    this.notes.replaceChildren();
    this.foot.replaceChildren();
    const mine = problem.status >= 400 && problem.status < 500 && problem.status !== 408;
    const again = mine
      ? h('button', { type: 'button', onclick: () => go({ ...BLANK, collection: state().collection }) }, 'Start over')
      : h('button', { type: 'button', onclick: () => location.reload() }, 'Try again');
    this.grid.replaceChildren(
      h(
        'li',
        { class: 'wide' },
        h(
          'div',
          { class: 'notice', role: 'alert' },
          h('h2', {}, icon('warning'), problem.title),
          h('div', {}, told(problem.detail || 'Nothing more is known.')),
          problem.retry ? h('p', {}, `It may work again in ${counted(problem.retry, 'second')}.`) : null,
          again,
        ),
      ),
    );
    this.tell();
  }

  /** The items that pass the cut-off. @param {State} now @param {Found} found */
  passing(now, found) {
    return found.items.filter(
      (item) =>
        !('score' in item) ||
        ((now.min === null || item.score >= now.min) && (!now.matches || item.verdict === 'match')),
    );
  }

  draw() {
    const found = this.found();
    if (!found) return;
    const now = state();
    const shown = this.passing(now, found);
    this.drawBy(now);
    this.drawLine(now, found, shown.length);
    const key = `${this.key} ${now.min} ${now.matches} ${found.items.length}`;
    if (key === this.drawn) return;
    this.drawn = key;
    this.drawNotes(found);
    this.drawCut(now, found);
    const first = !document.activeElement || !this.grid.contains(document.activeElement);
    const place = first ? -1 : this.tiles().indexOf(/** @type {HTMLElement} */ (document.activeElement));
    this.grid.replaceChildren(
      ...shown.map((item, at) => this.tile(item, at)),
      h('li', { class: 'filler', 'aria-hidden': 'true' }),
    );
    if (!shown.length) this.grid.replaceChildren(this.nothing(now, found));
    if (place >= 0) this.tiles()[place]?.focus({ preventScroll: true });
    this.foot.replaceChildren(
      found.more && now.min === null
        ? h('button', { type: 'button', onclick: () => void this.more() }, 'Show more')
        : '',
    );
  }

  /** Which channel answers, where there are several. @param {State} now */
  drawBy(now) {
    const channels = this.desk.collection()?.channels ?? [];
    this.by.hidden = !now.parts.length || channels.length < 2;
    const picture = now.parts.some((part) => part.text === undefined && part.weight > 0);
    this.turned.hidden = !picture || !channels.includes('words');
    this.mirrored.checked = now.mirrored;
    if (document.activeElement === this.by) return;
    this.by.replaceChildren(
      h('option', { value: '' }, 'by everything'),
      ...channels.map((one) =>
        h('option', { value: one, selected: now.channels[0] === one }, `by ${(CHANNELS[one] ?? one).toLowerCase()}`),
      ),
    );
  }

  /** @param {State} now @param {Found} found @param {number} left */
  drawLine(now, found, left) {
    const { answer } = found;
    if (!answer) {
      const narrowed = condition(now) !== '';
      const all = this.desk.collection()?.images ?? found.total;
      this.line.replaceChildren(
        h('strong', {}, counted(found.total, 'picture')),
        narrowed ? ` of ${all.toLocaleString('en')}` : ` in ${now.collection}`,
      );
      return;
    }
    const matches = found.items.filter((item) => 'verdict' in item && item.verdict === 'match').length;
    const share = left < found.items.length ? `${left} of ` : '';
    this.line.replaceChildren(
      h('strong', {}, `${share}${counted(found.total, 'result')}`),
      ` in ${duration(answer.ms)}`,
      matches ? ` · ${counted(matches, 'verified match', 'verified matches')}` : '',
    );
  }

  /** @param {Found} found */
  drawNotes(found) {
    this.notes.replaceChildren(
      ...(found.answer?.notes ?? []).map((note) => h('p', { class: 'note' }, icon('warning'), note)),
    );
  }

  /** The slider: every result is a bar, as high as its score; what is right of the thumb is cut off. @param {State} now @param {Found} found */
  drawCut(now, found) {
    const hits = /** @type {Hit[]} */ (found.answer ? found.items : []);
    this.cut.hidden = hits.length < 2;
    if (this.cut.hidden) return;
    const kept = now.min === null ? hits.length : hits.filter((hit) => hit.score >= Number(now.min)).length;
    if (this.cut.contains(document.activeElement) && this.slider?.max === String(hits.length))
      return this.sayCut(hits, kept);
    const top = Math.max(...hits.map((hit) => (hit.verdict === 'no_match' ? hit.score : 0)), 0.001);
    const bars = hits.map((hit, at) =>
      svg('rect', {
        x: at + 0.1,
        width: 0.8,
        y: 1 - barHeight(hit, top),
        height: barHeight(hit, top),
        class: hit.verdict,
      }),
    );
    this.bars = svg(
      'svg',
      { class: 'bars', viewBox: `0 0 ${hits.length} 1`, preserveAspectRatio: 'none', 'aria-hidden': 'true' },
      bars,
    );
    const slider = (this.slider = h('input', {
      type: 'range',
      id: 'cutoff',
      min: '1',
      max: String(hits.length),
      value: String(kept),
    }));
    slider.addEventListener('input', () => {
      const left = Number(slider.value);
      go({ min: left >= hits.length ? null : lowest(hits.slice(0, left)) }, 'replace');
    });
    this.left = h('output', { class: 'left', for: 'cutoff' });
    const only = h('input', {
      type: 'checkbox',
      id: 'only',
      checked: now.matches,
      onchange: () => go({ matches: only.checked }),
    });
    const verified = now.matches || hits.some((hit) => hit.verdict === 'match');
    const parts = [
      h('label', { for: 'cutoff', class: 'hint' }, 'Cut-off'),
      h('div', { class: 'cut-slider' }, this.bars, slider),
      this.left,
      verified && h('label', { class: 'only' }, only, 'Matches only'),
    ];
    this.cut.replaceChildren(...parts.filter((part) => part instanceof Node));
    this.sayCut(hits, kept);
  }

  /** @param {Hit[]} hits @param {number} kept */
  sayCut(hits, kept) {
    const all = kept >= hits.length;
    const text = all ? `all ${hits.length}` : `${kept} left, ≥ ${scoreText(lowest(hits.slice(0, Math.max(1, kept))))}`;
    if (this.left) this.left.textContent = text;
    this.slider?.setAttribute('aria-valuetext', text);
    for (const [at, bar] of [...(this.bars?.children ?? [])].entries()) bar.classList.toggle('off', at >= kept);
  }

  /** @param {State} now @param {Found} found */
  nothing(now, found) {
    const cut = found.items.length > 0;
    const empty = !now.parts.length && !condition(now);
    const title = cut ? 'The cut-off leaves nothing' : empty ? 'This collection is empty' : 'Nothing found';
    const advice = cut
      ? 'Move the slider to the right, or untick “Matches only”.'
      : empty
        ? 'Add pictures with the button above, or with vizsla index.'
        : 'Try fewer filters, other words, or a larger box.';
    const reset = h(
      'button',
      {
        type: 'button',
        onclick: () => (cut ? go({ min: null, matches: false }) : go({ where: '', picked: {}, spans: {}, among: [] })),
      },
      cut ? 'Show all' : 'Clear the filters',
    );
    return h(
      'li',
      { class: 'wide' },
      h(
        'div',
        { class: 'notice' },
        h('h2', {}, title),
        h('p', {}, advice),
        !empty && (cut || condition(now) !== '') && reset,
      ),
    );
  }

  /** @param {Hit | Picture} item @param {number} at */
  tile(item, at) {
    const aspect = Math.min(3, Math.max(0.45, item.width / Math.max(1, item.height)));
    const hit = 'score' in item ? item : undefined;
    const caption = hit?.caption?.text ?? item.captions?.[0];
    const spoken = [
      hit && `${at + 1}.`,
      item.name,
      hit && { match: 'verified match,', part: 'a part agrees,', no_match: '' }[hit.verdict],
      hit && `score ${scoreText(hit.score)}`,
      caption,
    ]
      .filter(Boolean)
      .join(' ');
    const image = h('img', {
      src: api.thumbnail(state().collection, item.image, 256),
      srcset: `${api.thumbnail(state().collection, item.image, 512)} 2x`,
      alt: spoken,
      loading: at < 24 ? 'eager' : 'lazy',
      decoding: 'async',
    });
    image.addEventListener('error', () => image.closest('.tile')?.classList.add('broken'));
    const link = h(
      'a',
      {
        class: 'open',
        href: addressOf({ ...state(), open: item.image }),
        tabindex: at ? '-1' : '0',
        'data-image': item.image,
      },
      image,
      hit?.agreement && outline(hit, aspect),
    );
    const label = h(
      'div',
      { class: hit ? 'label' : 'label bare', 'aria-hidden': 'true' },
      hit?.verdict === 'match' && h('span', { class: 'match' }, icon('check'), 'match'),
      hit?.verdict === 'part' && h('span', { class: 'part' }, 'part'),
      hit && h('span', { class: 'score', title: meaning(hit) }, scoreText(hit.score)),
      h('span', { class: 'name' }, caption ?? item.name),
    );
    const like = h('div', { class: 'like' }, this.likeButton(item, 1, at), this.likeButton(item, -1, at));
    return h(
      'li',
      { class: `tile${hit?.verdict === 'match' ? ' is-match' : ''}`, style: { '--aspect': aspect.toFixed(4) } },
      link,
      label,
      like,
    );
  }

  /** @param {Picture} item @param {1 | -1} sign @param {number} at */
  likeButton(item, sign, at) {
    const text = sign > 0 ? 'More like this' : 'Not like this';
    return h(
      'button',
      {
        type: 'button',
        class: 'round',
        tabindex: at ? '-1' : '0',
        'aria-label': `${text}: ${item.name}`,
        title: `${text} (${sign > 0 ? 'm' : 'n'})`,
        'data-like': sign,
        'data-image': item.image,
      },
      icon(sign > 0 ? 'plus' : 'minus'),
    );
  }

  /** @param {MouseEvent} event */
  click(event) {
    const target = event.target instanceof Element ? event.target.closest('[data-image]') : null;
    if (!(target instanceof HTMLElement) || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const image = Number(target.dataset.image);
    if (target.dataset.like) like(image, Number(target.dataset.like));
    else go({ open: image });
  }

  /** @returns {HTMLElement[]} */
  tiles() {
    return [...this.grid.querySelectorAll('a.open')].filter((one) => one instanceof HTMLElement);
  }

  /** Arrow keys go from picture to picture, as the eye does. @param {KeyboardEvent} event */
  walk(event) {
    const tiles = this.tiles();
    const here = event.target instanceof Element ? event.target.closest('li')?.querySelector('a.open') : null;
    const at = tiles.indexOf(/** @type {HTMLElement} */ (here));
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const image = Number(tiles[at].dataset.image);
    if (event.key === 'm') return like(image, 1);
    if (event.key === 'n') return like(image, -1);
    const to =
      { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: tiles.length - 1 }[event.key] ??
      (event.key === 'ArrowDown'
        ? nextRow(tiles, at, 1)
        : event.key === 'ArrowUp'
          ? nextRow(tiles, at, -1)
          : undefined);
    if (to === undefined) return;
    event.preventDefault();
    this.focusTile(tiles[Math.min(Math.max(to, 0), tiles.length - 1)]);
  }

  /** @param {HTMLElement | undefined} tile */
  focusTile(tile) {
    if (!tile) return;
    for (const other of this.grid.querySelectorAll('[tabindex="0"]')) other.setAttribute('tabindex', '-1');
    for (const own of tile.closest('li')?.querySelectorAll('[tabindex]') ?? []) own.setAttribute('tabindex', '0');
    tile.focus();
  }

  /** @param {number} image */
  focusImage(image) {
    this.focusTile(this.tiles().find((tile) => tile.dataset.image === String(image)));
  }
}

/**
 * Adds an image of the collection to the query; one that is there already changes its sign or goes away.
 * @param {number} image
 * @param {number} sign
 */
export function like(image, sign) {
  const { parts } = state();
  const there = parts.find((part) => part.image === image && !part.region);
  const rest = parts.filter((part) => part !== there);
  const weight = sign * Math.abs(there?.weight ?? 1);
  go({
    parts: there && Math.sign(there.weight) === sign ? rest : [...rest, { image, weight }],
    min: null,
    open: null,
    view: 'pictures',
  });
  announce(sign > 0 ? 'Searching for more like this' : 'Searching for less like this');
}

/** A match is as high as the drawing, a part less; the others share the lower part of it. @param {Hit} hit @param {number} top */
function barHeight(hit, top) {
  if (hit.verdict !== 'no_match') return hit.verdict === 'match' ? 1 : 0.84;
  return 0.08 + (0.62 * Math.max(0, hit.score)) / top;
}

/** @param {Hit[]} hits */
function lowest(hits) {
  const least = Math.min(...hits.map((hit) => hit.score));
  // Six digits are enough for an address; what they round off must not leave the lowest out.
  return Number((least - Math.abs(least) * 1e-5 - 1e-6).toPrecision(6));
}

/** @param {number} score */
export function scoreText(score) {
  return (Math.abs(score) >= 10 ? Math.round(score).toString() : score.toFixed(2))
    .replace(/^-0\.00$/, '0.00')
    .replace('-', '−');
}

/** @param {Hit} hit */
export function meaning(hit) {
  const odds = hit.agreement
    ? `As good an agreement in geometry is expected ${hit.agreement.log10_nfa < 0 ? `once in 10^${Math.round(-hit.agreement.log10_nfa)} such collections` : 'by chance'}`
    : 'A similarity; no geometry was found that agrees';
  return `Score ${scoreText(hit.score)}. ${odds}.`;
}

/**
 * Where the query lies in the picture: its frame, or the box of what agrees when the frame leaves the picture.
 * @param {Hit} hit
 * @param {number} aspect
 */
function outline(hit, aspect) {
  const { agreement, width, height } = hit;
  if (!agreement) return null;
  const box = agreement.gallery_box;
  const within = agreement.outline?.every(([x, y]) => x >= 0 && y >= 0 && x <= width && y <= height);
  const corners =
    within && agreement.outline
      ? agreement.outline
      : [
          [box.x, box.y],
          [box.x + box.width, box.y],
          [box.x + box.width, box.y + box.height],
          [box.x, box.y + box.height],
        ];
  const cropped = Math.abs(aspect - width / height) > 0.01;
  const points = corners.map((corner) => corner.join(',')).join(' ');
  return svg(
    'svg',
    {
      class: 'outline',
      viewBox: `0 0 ${width} ${height}`,
      preserveAspectRatio: cropped ? 'xMidYMid slice' : 'none',
      'aria-hidden': 'true',
    },
    svg('polygon', { points, class: 'under' }),
    svg('polygon', { points }),
  );
}

/** The tile above or below that is nearest to the middle of this one. @param {HTMLElement[]} tiles @param {number} at @param {1 | -1} way */
function nextRow(tiles, at, way) {
  const here = tiles[at].getBoundingClientRect();
  const middle = here.left + here.width / 2;
  let best = at;
  let row = 0;
  for (let i = at + way; i >= 0 && i < tiles.length; i += way) {
    const there = tiles[i].getBoundingClientRect();
    if (Math.abs(there.top - here.top) < 4) continue;
    row ||= there.top;
    if (Math.abs(there.top - row) > 4) break;
    const was = tiles[best].getBoundingClientRect();
    if (best === at || Math.abs(there.left + there.width / 2 - middle) < Math.abs(was.left + was.width / 2 - middle))
      best = i;
  }
  return best;
}
