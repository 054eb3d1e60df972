// The collection on a plane: pictures that are alike lie together. Pan, zoom, look at one, take many with a lasso.

import * as api from './api.js';
import { announce, counted, h, icon } from './dom.js';
import { condition, go, state } from './state.js';
import { colour, COLOURS, Plane } from './view.js';

/** Pictures are drawn instead of points when they would be at least this wide, and at most so many. */
const PICTURE = 42;
const MOST_PICTURES = 160;
/** Most pictures that are picked out for a filter. */
const MOST_FILTERED = 5000;
const METHODS = /** @type {[MapMethod, string, string][]} */ ([
  ['umap', 'UMAP', 'Neighbours stay neighbours, and the large structure is kept'],
  ['tsne', 't-SNE', 'Neighbours stay neighbours; distances between groups mean little'],
  ['pca', 'PCA', 'Distances mean something; groups overlap'],
]);

export class MapView {
  key = '';
  /** @type {MapAnswer | undefined} */
  answer;
  /** @type {Set<number>} Labels that are hidden. */
  hidden = new Set();
  /** @type {number[]} */
  selected = [];
  /** @type {[number, number][]} */
  loop = [];
  lassoing = false;
  hovered = -1;
  /** @type {Map<number, HTMLImageElement>} */
  pictures = new Map();
  /** @type {Set<number>} */
  filtered = new Set();
  filterKey = '';
  /** @type {AbortController | undefined} */
  going;

  /**
   * @param {HTMLElement} main
   * @param {import('./results.js').Results} results
   */
  constructor(main, results) {
    this.results = results;
    this.canvas = h('canvas', { role: 'img', 'aria-label': 'Map of the collection' });
    this.plane = new Plane(this.canvas, {
      draw: () => this.draw(),
      hover: (x, y) => this.hover(x, y),
      leave: () => this.leave(),
      click: (x, y) => this.click(x, y),
      most: 120,
      inset: 64,
    });
    this.line = h('p', { class: 'line', role: 'status' });
    this.methods = h(
      'div',
      { class: 'seg', role: 'group', 'aria-label': 'Method' },
      METHODS.map(([method, name, title]) =>
        h('button', { type: 'button', title, 'data-method': method, onclick: () => go({ method }) }, name),
      ),
    );
    this.lasso = h(
      'button',
      {
        type: 'button',
        'aria-pressed': 'false',
        title: 'Draw around pictures (l)',
        onclick: () => this.setLasso(!this.lassoing),
      },
      icon('lasso'),
      'Lasso',
    );
    const inSight = h(
      'button',
      { type: 'button', title: 'Select what is in sight (s)', onclick: () => this.selectVisible() },
      icon('check'),
      'Select what is in sight',
    );
    this.legend = h('div', { class: 'legend', role: 'group', 'aria-label': 'Labels', hidden: true });
    this.tip = h('div', { class: 'hover', hidden: true });
    this.bar = h('div', { class: 'chosen-bar', hidden: true, role: 'group', 'aria-label': 'Selection' });
    this.over = h('div', { class: 'centre', hidden: true });
    const sheet = (this.sheet = h(
      'div',
      { class: 'sheet' },
      this.canvas,
      this.legend,
      this.tip,
      this.bar,
      this.plane.buttons(),
      this.over,
    ));
    this.element = h(
      'section',
      { class: 'plain', 'aria-label': 'Map of the collection' },
      h('h1', { class: 'unseen' }, 'Map of the collection'),
      h('div', { class: 'chart-top' }, this.line, this.methods, this.lasso, inSight),
      sheet,
    );
    this.element.addEventListener('keydown', (event) => this.keyed(event));
    main.append(this.element);
    results.onFound(() => !this.element.hidden && this.draw());
    window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw());
  }

  hide() {
    this.going?.abort();
    this.key = this.answer ? this.key : '';
  }

  /** The collection has changed. */
  forget() {
    this.key = '';
    this.filterKey = '';
  }

  /** @param {State} now */
  show(now) {
    for (const button of this.methods.querySelectorAll('button'))
      button.setAttribute('aria-pressed', String(button.dataset.method === now.method));
    void this.filter(now);
    const key = `${now.collection} ${now.method}`;
    if (key === this.key) return this.draw();
    if (!this.key.startsWith(`${now.collection} `)) this.pictures.clear();
    this.key = key;
    void this.load(now);
  }

  /** @param {State} now */
  async load(now) {
    this.going?.abort();
    const going = (this.going = new AbortController());
    this.answer = undefined;
    this.line.textContent = '';
    this.select([]);
    this.draw();
    try {
      let answer = await api.map(now.collection, now.method, going.signal);
      if ('job' in answer) {
        const done = await api.follow(answer.job, (job) => this.progress(job), going.signal);
        if (done.state !== 'done')
          throw new api.Problem(
            0,
            'The map could not be made',
            typeof done.error === 'string' ? done.error : (done.error?.detail ?? `The job ended as ${done.state}.`),
          );
        answer = await api.map(now.collection, now.method, going.signal);
      }
      if (this.going !== going || 'job' in answer) return;
      this.take(answer);
    } catch (error) {
      if (this.going !== going || !(error instanceof api.Problem)) return;
      this.key = '';
      this.line.textContent = '';
      this.over.replaceChildren(h('h2', {}, error.title), h('p', {}, error.detail));
      this.over.hidden = false;
    }
  }

  /** @param {Job} job */
  progress(job) {
    const share = job.total > 0 ? { value: job.done, max: job.total } : {};
    this.over.hidden = false;
    this.over.replaceChildren(
      h('p', {}, `Laying out the pictures: ${job.phase || job.state}`),
      h('div', { class: 'progress' }, h('progress', { ...share, 'aria-label': 'Progress of the map' })),
    );
  }

  /** @param {MapAnswer} answer */
  take(answer) {
    this.answer = answer;
    this.over.hidden = true;
    this.hidden.clear();
    const [xs, ys] = [answer.points.map((p) => p[1]), answer.points.map((p) => p[2])];
    this.drawLegend();
    this.plane.fit([least(xs), least(ys), most(xs), most(ys)]);
    const { trustworthiness: trust, current } = answer;
    const trusted =
      trust === undefined
        ? ''
        : h(
            'span',
            { title: 'How many neighbours on the map are neighbours in truth; 1 is all' },
            ` · trustworthiness ${trust.toFixed(2)}`,
          );
    this.line.replaceChildren(
      h('strong', {}, counted(answer.points.length, 'picture')),
      trusted,
      current === false ? ' · from before the pictures that are being added' : '',
    );
    this.canvas.setAttribute(
      'aria-label',
      `Map of ${counted(answer.points.length, 'picture')}. Arrow keys move, plus and minus zoom, 0 shows all, s selects what is in sight.`,
    );
  }

  drawLegend() {
    const { labels, label_of: of } = this.answer ?? {};
    this.legend.hidden = !labels?.length || labels.length < 2;
    if (!labels || !of) return;
    const entries = labels
      .map((name, at) => ({ name, at, count: of.filter((label) => label === at).length }))
      .filter((entry) => entry.count > 0)
      .slice(0, 24);
    this.legend.replaceChildren(
      ...entries.map(({ name, at, count }) => {
        const button = h(
          'button',
          {
            type: 'button',
            'aria-pressed': 'true',
            title: `${name}: ${count}. Click hides it, Shift-click shows it alone.`,
          },
          h('i', { style: { '--dot': labelColour(at) } }),
          name,
        );
        button.addEventListener('click', (event) => this.toggle(at, event.shiftKey, labels.length));
        button.dataset.label = String(at);
        return button;
      }),
    );
  }

  /** @param {number} label @param {boolean} alone @param {number} count */
  toggle(label, alone, count) {
    if (alone) {
      const only = this.hidden.size === count - 1 && !this.hidden.has(label);
      this.hidden = new Set(only ? [] : Array.from({ length: count }, (_, at) => at).filter((at) => at !== label));
    } else if (!this.hidden.delete(label)) this.hidden.add(label);
    for (const button of this.legend.querySelectorAll('button'))
      button.setAttribute('aria-pressed', String(!this.hidden.has(Number(button.dataset.label))));
    this.draw();
  }

  /** @param {number} index */
  visible(index) {
    const label = this.answer?.label_of?.[index];
    return label === undefined || label === null || !this.hidden.has(label);
  }

  /** The points within the canvas: number, place on it. @returns {[number, number, number][]} */
  inSight() {
    const { x, y, scale } = this.plane;
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    /** @type {[number, number, number][]} */
    const found = [];
    for (const [index, [, px, py]] of (this.answer?.points ?? []).entries()) {
      const [cx, cy] = [x + px * scale, y + py * scale];
      if (cx > -30 && cy > -30 && cx < width + 30 && cy < height + 30 && this.visible(index))
        found.push([index, cx, cy]);
    }
    return found;
  }

  draw() {
    const context = this.plane.begin();
    const { answer } = this;
    if (!answer) return;
    const hits = this.standing();
    const selected = new Set(this.selected);
    const sight = this.inSight();
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    const side = Math.min(110, Math.sqrt((width * height) / Math.max(1, sight.length)) * 0.75);
    const pictured = sight.length <= MOST_PICTURES && side >= PICTURE;
    const dot = Math.min(7, Math.max(2.5, 3.4 * Math.sqrt(this.plane.scale / this.plane.whole())));
    const ink = colour('--ink');
    const paper = colour('--card');
    for (const [index, cx, cy] of sight) {
      const [image] = answer.points[index];
      const strong = hits.has(image) || selected.has(image);
      const faded = (hits.size > 0 || selected.size > 0) && !strong;
      context.globalAlpha = faded ? 0.22 : 1;
      const own = labelColour(answer.label_of?.[index] ?? 0);
      if (pictured && this.drawPicture(context, image, cx, cy, Math.max(side, PICTURE), own)) continue;
      context.fillStyle = own;
      context.beginPath();
      context.arc(cx, cy, strong ? dot + 2 : dot, 0, 7);
      context.fill();
      context.lineWidth = strong ? 2 : 0.75;
      context.strokeStyle = strong ? ink : paper;
      context.stroke();
    }
    context.globalAlpha = 1;
    this.drawLoop(context);
  }

  /** The pictures that stand out: what was found, or what the filters leave. */
  standing() {
    const found = this.results.found();
    if (found?.answer) return new Set(this.results.passing(state(), found).map((hit) => hit.image));
    return this.filtered;
  }

  /** Asks which pictures the filters leave. @param {State} now */
  async filter(now) {
    const where = now.parts.length ? '' : condition(now);
    const key = where && `${now.collection} ${where}`;
    if (key === this.filterKey) return;
    this.filterKey = key;
    this.filtered = new Set();
    try {
      const pictures = where
        ? await api.everyImage(now.collection, where, MOST_FILTERED, new AbortController().signal)
        : [];
      if (this.filterKey === key) this.filtered = new Set(pictures.map((picture) => picture.image));
    } catch (error) {
      if (!(error instanceof api.Problem)) throw error;
    }
    this.draw();
  }

  /** @param {CanvasRenderingContext2D} context @param {number} image @param {number} x @param {number} y @param {number} side @param {string} frame */
  drawPicture(context, image, x, y, side, frame) {
    const picture = this.picture(image);
    if (!picture.complete || !picture.naturalWidth) return false;
    const scale = side / Math.max(picture.naturalWidth, picture.naturalHeight);
    const [w, t] = [picture.naturalWidth * scale, picture.naturalHeight * scale];
    context.drawImage(picture, x - w / 2, y - t / 2, w, t);
    context.lineWidth = 2;
    context.strokeStyle = frame;
    context.strokeRect(x - w / 2, y - t / 2, w, t);
    return true;
  }

  /** @param {number} image */
  picture(image) {
    const there = this.pictures.get(image);
    if (there) return there;
    const picture = new Image();
    picture.src = api.thumbnail(state().collection, image, 128);
    picture.decode().then(
      () => this.draw(),
      () => {},
    );
    this.pictures.set(image, picture);
    return picture;
  }

  /** @param {CanvasRenderingContext2D} context */
  drawLoop(context) {
    if (this.loop.length < 2) return;
    context.beginPath();
    for (const [x, y] of this.loop) context.lineTo(x, y);
    context.closePath();
    context.fillStyle = colour('--accent');
    context.globalAlpha = 0.12;
    context.fill();
    context.globalAlpha = 1;
    context.strokeStyle = colour('--accent');
    context.lineWidth = 2;
    context.setLineDash([6, 4]);
    context.stroke();
    context.setLineDash([]);
  }

  /** @param {number} x @param {number} y */
  nearest(x, y) {
    let [best, distance] = [-1, 18];
    for (const [index, cx, cy] of this.inSight()) {
      const d = Math.hypot(cx - x, cy - y);
      if (d < distance) [best, distance] = [index, d];
    }
    return best;
  }

  /** @param {number} x @param {number} y */
  hover(x, y) {
    const index = this.lassoing ? -1 : this.nearest(x, y);
    this.canvas.style.cursor = index >= 0 ? 'pointer' : '';
    if (index < 0) return this.leave();
    const left = x > this.canvas.clientWidth / 2 ? x - 196 : x + 16;
    const top = Math.min(Math.max(8, y - 90), this.canvas.clientHeight - 210);
    this.tip.style.setProperty('left', `${left}px`);
    this.tip.style.setProperty('top', `${top}px`);
    if (index === this.hovered) return;
    this.hovered = index;
    const [image] = this.answer?.points[index] ?? [0];
    const label = this.answer?.labels?.[this.answer.label_of?.[index] ?? -1];
    this.tip.replaceChildren(
      h('img', { src: api.thumbnail(state().collection, image, 256), alt: '' }),
      h('p', {}, label ?? `picture ${image}`),
    );
    this.tip.hidden = false;
  }

  leave() {
    this.hovered = -1;
    this.tip.hidden = true;
  }

  /** @param {number} x @param {number} y */
  click(x, y) {
    if (this.lassoing) return;
    const index = this.nearest(x, y);
    const point = this.answer?.points[index];
    this.leave();
    if (point) go({ open: point[0] });
    else if (this.selected.length) this.select([]);
  }

  /** @param {boolean} on */
  setLasso(on) {
    this.lassoing = on;
    this.lasso.setAttribute('aria-pressed', String(on));
    this.canvas.classList.toggle('lassoing', on);
    this.plane.pen = on ? (phase, x, y) => this.pen(phase, x, y) : undefined;
    if (on) announce('Draw around the pictures');
  }

  /** @param {'begin' | 'move' | 'end'} phase @param {number} x @param {number} y */
  pen(phase, x, y) {
    if (phase === 'begin') this.loop = [[x, y]];
    else if (phase === 'move') this.loop.push([x, y]);
    else {
      const loop = this.loop;
      this.loop = [];
      if (loop.length > 2) {
        const points = this.answer?.points ?? [];
        this.select(
          this.inSight()
            .filter(([, cx, cy]) => inside(loop, cx, cy))
            .map(([index]) => points[index][0]),
        );
        this.setLasso(false);
      }
    }
    this.draw();
  }

  selectVisible() {
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    const points = this.answer?.points ?? [];
    this.select(
      this.inSight()
        .filter(([, x, y]) => x >= 0 && y >= 0 && x <= width && y <= height)
        .map(([index]) => points[index][0]),
    );
  }

  /** @param {number[]} images */
  select(images) {
    this.selected = images;
    this.bar.hidden = !images.length;
    if (images.length) {
      const among = [...images].sort((a, b) => a - b);
      const search = h(
        'button',
        { type: 'button', class: 'strong', onclick: () => go({ among, view: 'pictures', min: null }) },
        icon('search'),
        'Search in them',
      );
      this.bar.replaceChildren(
        h('strong', {}, counted(images.length, 'picture')),
        search,
        h('button', { type: 'button', class: 'quiet', onclick: () => this.select([]) }, 'Clear'),
      );
      announce(`${counted(images.length, 'picture')} selected`);
    }
    this.draw();
  }

  /** @param {KeyboardEvent} event */
  keyed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'l') this.setLasso(!this.lassoing);
    else if (event.key === 's') this.selectVisible();
    else if (event.key === 'Escape') {
      this.setLasso(false);
      this.select([]);
    } else return;
    event.preventDefault();
  }
}

/** @param {number} label */
function labelColour(label) {
  return COLOURS[label % COLOURS.length];
}

/** @param {number[]} values */
function least(values) {
  return values.reduce((a, b) => Math.min(a, b), Infinity);
}

/** @param {number[]} values */
function most(values) {
  return values.reduce((a, b) => Math.max(a, b), -Infinity);
}

/** Whether a point is within a closed line: a ray from it crosses the line an odd number of times. @param {[number, number][]} loop @param {number} x @param {number} y */
function inside(loop, x, y) {
  let within = false;
  for (const [at, [x1, y1]] of loop.entries()) {
    const [x2, y2] = loop[(at + 1) % loop.length];
    if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) within = !within;
  }
  return within;
}
