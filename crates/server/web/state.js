// What the page shows, as its address says it: the back button and a link to a friend work by themselves.

/** @type {Readonly<State>} */
export const BLANK = {
  collection: '',
  view: 'pictures',
  parts: [],
  where: '',
  picked: {},
  spans: {},
  among: [],
  channels: [],
  min: null,
  matches: false,
  mirrored: false,
  open: null,
  method: 'umap',
  runs: [],
};

/** @type {State} */
let current = { ...BLANK };
/** @type {((now: State, before: State) => void)[]} */
const listeners = [];

export function state() {
  return current;
}

/** @param {(now: State, before: State) => void} listener */
export function onState(listener) {
  listeners.push(listener);
}

/**
 * Changes the state. A change that a person would want to take back is a step of the history; one that
 * only refines the last step (a slider on its way) replaces it.
 * @param {Partial<State>} change
 * @param {'push' | 'replace'} [how]
 */
export function go(change, how = 'push') {
  const next = { ...current, ...change };
  const address = addressOf(next);
  if (address === location.pathname + location.search) how = 'replace';
  history[how === 'push' ? 'pushState' : 'replaceState'](null, '', address);
  become(next);
}

/** Takes the state from the address, now and whenever a person goes back or forth. */
export function followAddress() {
  window.addEventListener('popstate', () => become(parse(location.search)));
  become(parse(location.search));
}

/** @param {State} next */
function become(next) {
  const before = current;
  current = next;
  for (const listener of listeners) listener(next, before);
}

/**
 * @param {State} of
 * @returns {string}
 */
export function addressOf(of) {
  const query = new URLSearchParams();
  /** @param {string} key @param {string} value */
  const put = (key, value) => value && query.append(key, value);
  put('c', of.collection);
  put('view', of.view === BLANK.view ? '' : of.view);
  for (const part of of.parts) put('p', partText(part));
  put('where', of.where);
  for (const [key, values] of Object.entries(of.picked)) for (const value of values) put(`is.${key}`, value);
  for (const [key, span] of Object.entries(of.spans)) put(`in.${key}`, `${span.low}..${span.high}`);
  put(
    'among',
    ranges(of.among)
      .map(([a, b]) => (a === b ? `${a}` : `${a}-${b}`))
      .join(','),
  );
  put('by', of.channels.join(','));
  put('min', of.min === null ? '' : String(of.min));
  put('only', of.matches ? 'matches' : '');
  put('also', of.mirrored ? 'mirrored' : '');
  put('open', of.open === null ? '' : String(of.open));
  put('method', of.method === BLANK.method ? '' : of.method);
  for (const run of of.runs) put('run', run);
  const text = query.toString().replaceAll('%2C', ',').replaceAll('%3A', ':').replaceAll('%40', '@');
  return text ? `/?${text}` : '/';
}

/**
 * @param {string} search
 * @returns {State}
 */
export function parse(search) {
  const query = new URLSearchParams(search);
  /** @type {Record<string, string[]>} */
  const picked = {};
  /** @type {Record<string, Span>} */
  const spans = {};
  for (const [name, value] of query) {
    if (name.startsWith('is.')) (picked[name.slice(3)] ??= []).push(value);
    const ends = name.startsWith('in.') ? value.split('..') : [];
    if (ends.length === 2) spans[name.slice(3)] = { low: ends[0], high: ends[1] };
  }
  const view = query.get('view') ?? '';
  const method = query.get('method') ?? '';
  const list = (/** @type {string} */ key) => (query.get(key) ?? '').split(',').filter(Boolean);
  return {
    collection: query.get('c') ?? '',
    view: view === 'map' || view === 'world' || view === 'runs' ? view : 'pictures',
    parts: query.getAll('p').flatMap((text) => partOf(text) ?? []),
    where: query.get('where') ?? '',
    picked,
    spans,
    among: list('among').flatMap(counting),
    channels: list('by'),
    min: number(query.get('min')),
    matches: query.get('only') === 'matches',
    mirrored: query.get('also') === 'mirrored',
    open: number(query.get('open')),
    method: method === 'pca' || method === 'tsne' ? method : 'umap',
    runs: query.getAll('run'),
  };
}

/** @param {string | null} text */
function number(text) {
  return text !== null && text !== '' && Number.isFinite(Number(text)) ? Number(text) : null;
}

/** @param {string} text "7" or "3-9"; more than 10,000 numbers are no range that the page made. */
function counting(text) {
  const [low, high = low] = text.split('-').map(Number);
  if (!Number.isInteger(low) || !Number.isInteger(high) || high < low || high - low > 10_000) return [];
  return Array.from({ length: high - low + 1 }, (_, at) => low + at);
}

/**
 * Neighbouring numbers as from–to.
 * @param {number[]} numbers
 * @returns {[number, number][]}
 */
export function ranges(numbers) {
  /** @type {[number, number][]} */
  const found = [];
  for (const n of [...numbers].sort((a, b) => a - b)) {
    const last = found.at(-1);
    if (last && n <= last[1] + 1) last[1] = n;
    else found.push([n, n]);
  }
  return found;
}

/**
 * A part as the address writes it: `-0.5*image:17@10,20,300,200`.
 * @param {Part} part
 */
export function partText(part) {
  const weight = part.weight === 1 ? '' : `${part.weight}*`;
  if (part.text !== undefined) return `${weight}text:${part.text}`;
  const r = part.region;
  const region = r ? `@${[r.x, r.y, r.width, r.height].map(Math.round).join(',')}` : '';
  return `${weight}${part.image !== undefined ? `image:${part.image}` : `upload:${part.upload}`}${region}`;
}

/**
 * @param {string} text
 * @returns {Part | null}
 */
export function partOf(text) {
  const found = /^(?:(-?[\d.]+)\*)?(text|image|upload):(.+)$/s.exec(text);
  if (!found) return null;
  const weight = found[1] === undefined ? 1 : Number(found[1]);
  if (!Number.isFinite(weight) || weight === 0) return null;
  if (found[2] === 'text') return { text: found[3], weight };
  const [name, box] = found[3].split('@');
  const sides = (box ?? '').split(',').map(Number);
  const [x, y, width, height] = sides;
  const region =
    sides.length === 4 && sides.every(Number.isFinite) && width > 0 && height > 0 ? { x, y, width, height } : undefined;
  if (found[2] === 'upload') return /^\w+$/.test(name) ? { upload: name, weight, region } : null;
  return /^\d+$/.test(name) ? { image: Number(name), weight, region } : null;
}

/** Spans of a selection that are written as such; a condition may have a thousand tests. */
const MOST_SPANS = 400;
const OWN_KEYS = ['taken', 'camera', 'latitude', 'longitude', 'width', 'height', 'format', 'id', 'path', 'caption'];

/** @param {string} key */
function keyText(key) {
  return OWN_KEYS.includes(key) ? key : `\`${key.replaceAll('\\', '\\\\').replaceAll('`', '\\`')}\``;
}

/** @param {string} value */
function valueText(value) {
  const bare = /^-?\d+(\.\d+)?$/.test(value) || /^\d{4}(-\d\d){1,2}(T\d\d(:\d\d){0,2})?$/.test(value);
  return bare || value === 'true' || value === 'false'
    ? value
    : `"${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

/**
 * Everything that narrows the collection as one condition of the query language; empty when nothing does.
 * @param {State} of
 * @param {string} [but] A key whose own ticks are left out, so that its other values keep their counts.
 */
export function condition(of, but = '') {
  /** @type {string[]} */
  const all = [];
  for (const [key, values] of Object.entries(of.picked)) {
    if (key !== but && values.length) all.push(`${keyText(key)} in (${values.map(valueText).join(',')})`);
  }
  for (const [key, span] of Object.entries(of.spans)) {
    if (key === but) continue;
    if (span.low) all.push(`${keyText(key)} >= ${valueText(span.low)}`);
    if (span.high) all.push(`${keyText(key)} <= ${valueText(span.high)}`);
  }
  if (of.among.length) {
    const spans = ranges(of.among).sort(([a, b], [c, d]) => d - c - (b - a));
    const long = spans.filter(([a, b], at) => b - a > 2 && at < MOST_SPANS);
    const single = spans.slice(long.length).flatMap(([a, b]) => counting(`${a}-${b}`));
    const runs = long.map(([a, b]) => `id between ${a} and ${b}`);
    if (single.length) runs.push(`id in (${single.join(',')})`);
    all.push(`(${runs.join(' or ')})`);
  }
  const typed = of.where.trim();
  if (!typed) return all.join(' and ');
  // Alone it stays as typed, so that a message about its columns is right.
  return all.length ? [`(${typed})`, ...all].join(' and ') : typed;
}
