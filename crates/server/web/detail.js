// Why a picture is among the results: both pictures with what agrees joined by lines, the heat map, what each channel
// said, and where the time went.

import * as api from './api.js';
import { announce, counted, h, icon } from './dom.js';
import { facts, shares, stages, verdict } from './facts.js';
import { heatImages } from './heat.js';
import { go, partText, state } from './state.js';
import { like } from './results.js';
import { COLOURS, Plane } from './view.js';

/** Height that both pictures are brought to on the plane, and the space between them. */
const SIDE = 1000;
const GAP = 36;
/** More lines than this would hide the pictures. */
const MOST_LINES = 200;

/** @typedef {'matches' | 'heat' | 'picture'} Tab */
/** @typedef {{ image: HTMLImageElement, x: number, y: number, scale: number, width: number, height: number }} Placed */

export class Detail {
  /** @type {HTMLDialogElement | undefined} */
  dialog;
  shown = -1;
  /** @type {Tab} */
  tab = 'matches';
  /** @type {Placed[]} */
  placed = [];
  /** @type {Matches | undefined} */
  matches;
  /** @type {Heat | undefined} */
  heat;
  /** @type {HTMLCanvasElement[]} */
  heatImages = [];
  highlighted = -1;
  /** @type {AbortController | undefined} */
  going;
  part = 0;

  /**
   * @param {import('./results.js').Results} results
   * @param {import('./app.js').PageDesk} desk
   */
  constructor(results, desk) {
    this.results = results;
    this.desk = desk;
    results.onFound(() => this.step());
  }

  /** @param {State} now */
  show(now) {
    if (now.open === null) return this.dialog?.close();
    if (!this.dialog) this.build();
    if (this.shown === now.open) return;
    this.shown = now.open;
    void this.fill(now, now.open);
  }

  build() {
    this.title = h('h2', { id: 'detail-title' });
    this.before = h(
      'button',
      {
        type: 'button',
        class: 'quiet',
        'aria-label': 'The result before',
        title: 'Before (←)',
        onclick: () => this.go(-1),
      },
      icon('left'),
    );
    this.after = h(
      'button',
      { type: 'button', class: 'quiet', 'aria-label': 'The next result', title: 'Next (→)', onclick: () => this.go(1) },
      icon('right'),
    );
    const close = h(
      'button',
      { type: 'button', class: 'quiet', 'aria-label': 'Close', onclick: () => this.dialog?.close() },
      icon('close'),
    );
    this.canvas = h('canvas', { role: 'img', 'aria-label': 'Pictures side by side' });
    this.plane = new Plane(this.canvas, {
      draw: () => this.draw(),
      hover: (x, y) => this.hover(x, y),
      leave: () => this.highlight(-1),
      most: 30,
    });
    this.tabs = h('div', { class: 'tabs', role: 'group', 'aria-label': 'What is shown' });
    this.note = h('p', { class: 'stage-note', role: 'status', hidden: true });
    this.facts = h('div', { class: 'facts', tabindex: '0', role: 'region', 'aria-label': 'Facts' });
    const stage = h('div', { class: 'stage' }, this.canvas, this.tabs, this.note, this.plane.buttons());
    const dialog = h(
      'dialog',
      { class: 'detail', 'aria-labelledby': 'detail-title' },
      h('div', { class: 'dialog-top' }, this.title, this.before, this.after, close),
      stage,
      this.facts,
    );
    dialog.addEventListener('keydown', (event) => this.key(event));
    dialog.addEventListener('click', (event) => event.target === dialog && dialog.close());
    dialog.addEventListener('close', () => this.closed());
    this.dialog = dialog;
    document.body.append(dialog);
    dialog.showModal();
    close.focus();
  }

  closed() {
    const image = this.shown;
    this.going?.abort();
    this.dialog?.remove();
    this.dialog = undefined;
    this.shown = -1;
    if (state().open !== null) go({ open: null });
    this.results.focusImage(image);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.target instanceof Element && event.target.closest('canvas, input, select')) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const keys = /** @type {Record<string, () => void>} */ ({
      ArrowLeft: () => this.go(-1),
      ArrowRight: () => this.go(1),
      m: () => like(this.shown, 1),
      n: () => like(this.shown, -1),
    });
    const what = keys[event.key];
    if (!what) return;
    event.preventDefault();
    what();
  }

  list() {
    const found = this.results.found();
    return found ? this.results.passing(state(), found) : [];
  }

  /** @param {1 | -1} way */
  go(way) {
    const list = this.list();
    const next = list[list.findIndex((item) => item.image === this.shown) + way];
    if (next) go({ open: next.image }, 'replace');
  }

  step() {
    if (this.dialog && this.shown >= 0) void this.fill(state(), this.shown);
  }

  /** @param {State} now @param {number} image */
  async fill(now, image) {
    this.going?.abort();
    const going = (this.going = new AbortController());
    const list = this.list();
    const at = list.findIndex((item) => item.image === image);
    const listed = list[at];
    const hit = listed && 'score' in listed ? listed : undefined;
    /** @type {Picture} */
    let picture;
    try {
      picture = { ...listed, ...(await api.image(now.collection, image)) };
    } catch (error) {
      if (this.going !== going || !(error instanceof api.Problem)) return;
      this.say(`${error.title}. ${error.detail}`);
      return;
    }
    if (this.going !== going || !this.dialog) return;
    if (this.title) this.title.textContent = at >= 0 ? `${at + 1} of ${list.length}: ${picture.name}` : picture.name;
    this.before?.toggleAttribute('disabled', at <= 0);
    this.after?.toggleAttribute('disabled', at < 0 || at >= list.length - 1);
    this.part = hit?.agreement?.part ?? now.parts.findIndex((part) => part.text === undefined);
    if (now.parts[this.part]?.text !== undefined) this.part = now.parts.findIndex((part) => part.text === undefined);
    this.drawFacts(now, picture, hit);
    const compare = this.part >= 0;
    const geometry = compare && Boolean(hit?.agreement);
    const heatable = compare && Boolean(this.desk.collection()?.channels.includes('global'));
    this.tab = geometry ? 'matches' : 'picture';
    this.drawTabs(geometry, heatable, picture);
    await this.place(picture, going);
    if (this.going === going) await this.explain(picture, going);
  }

  /** @param {boolean} geometry @param {boolean} heatable @param {Picture} picture */
  drawTabs(geometry, heatable, picture) {
    /** @param {Tab} tab @param {string} text */
    const button = (tab, text) =>
      h(
        'button',
        {
          type: 'button',
          class: 'small',
          'aria-pressed': String(this.tab === tab),
          'data-tab': tab,
          onclick: () => this.choose(tab, picture),
        },
        text,
      );
    const parts = state()
      .parts.map((part, at) => ({ part, at }))
      .filter(({ part }) => part.text === undefined);
    const chooser =
      parts.length > 1 &&
      (geometry || heatable) &&
      h(
        'select',
        {
          'aria-label': 'Part of the query',
          onchange: (/** @type {Event} */ event) =>
            this.choosePart(Number(/** @type {HTMLSelectElement} */ (event.target).value), picture),
        },
        parts.map(({ part, at }) =>
          h('option', { value: at, selected: at === this.part }, partText({ ...part, weight: 1 })),
        ),
      );
    this.tabs?.replaceChildren(
      ...[
        geometry && button('matches', 'Match lines'),
        heatable && button('heat', 'Heat map'),
        (geometry || heatable) && button('picture', 'Pictures only'),
        chooser,
      ].filter((one) => one instanceof Node),
    );
  }

  /** @param {number} part @param {Picture} picture */
  async choosePart(part, picture) {
    this.part = part;
    this.going?.abort();
    const going = (this.going = new AbortController());
    await this.place(picture, going);
    if (this.going === going) await this.explain(picture, going);
  }

  /** @param {Tab} tab @param {Picture} picture */
  async choose(tab, picture) {
    this.tab = tab;
    for (const button of this.tabs?.querySelectorAll('button') ?? [])
      button.setAttribute('aria-pressed', String(button.dataset.tab === tab));
    this.going?.abort();
    const going = (this.going = new AbortController());
    await this.explain(picture, going);
  }

  /** Both pictures on the plane: side by side, or above each other where the window is high. @param {Picture} picture @param {AbortController} going */
  async place(picture, going) {
    const now = state();
    this.placed = [];
    this.matches = undefined;
    this.heat = undefined;
    this.draw();
    const part = now.parts[this.part];
    const sources = part
      ? [api.partPicture(now.collection, part), api.thumbnail(now.collection, picture.image, 1024)]
      : [api.thumbnail(now.collection, picture.image, 1024)];
    const images = await Promise.all(sources.map(loaded));
    if (this.going !== going) return;
    if (images.some((image) => image === null)) this.say('A picture could not be loaded.');
    const wide = (this.canvas?.clientWidth ?? 1) > (this.canvas?.clientHeight ?? 1);
    let offset = 0;
    for (const image of images) {
      if (!image) continue;
      const [width, height] = [image.naturalWidth || 1, image.naturalHeight || 1];
      const scale = SIDE / (wide ? height : width);
      this.placed.push({
        image,
        x: wide ? offset : 0,
        y: wide ? 0 : offset,
        scale,
        width: width * scale,
        height: height * scale,
      });
      offset += (wide ? width : height) * scale + GAP;
    }
    this.plane?.fit([0, 0, wide ? offset - GAP : SIDE, wide ? SIDE : offset - GAP]);
  }

  /** @param {Picture} picture @param {AbortController} going */
  async explain(picture, going) {
    const now = state();
    const part = now.parts[this.part];
    this.say('');
    this.highlighted = -1;
    try {
      if (part && this.tab === 'matches' && !this.matches) {
        this.say('Looking for what agrees …');
        const whole = { ...part, weight: 1 };
        this.matches = await api.matches(now.collection, whole, picture.image, now.mirrored, going.signal);
      }
      if (part && this.tab === 'heat' && !this.heat) {
        this.say('Looking where they are alike …');
        this.heat = await api.heat(now.collection, { ...part, weight: 1 }, picture.image, going.signal);
        this.heatImages = heatImages(this.heat);
      }
    } catch (error) {
      if (error instanceof api.Problem && this.going === going) this.say(`${error.title}. ${error.detail}`);
      return;
    }
    if (this.going !== going) return;
    this.tellStage(picture);
    this.draw();
  }

  /** @param {Picture} picture */
  tellStage(picture) {
    if (this.tab === 'matches' && this.matches) {
      const { pairs, mirrored } = this.matches;
      this.say(`${counted(pairs.length, 'place')} seen in both pictures${mirrored ? ', one of them mirrored' : ''}`);
      this.canvas?.setAttribute(
        'aria-label',
        `The query and ${picture.name}, ${counted(pairs.length, 'line')} between places that are the same in both. Arrow keys move, plus and minus zoom, 0 shows all.`,
      );
    } else if (this.tab === 'heat' && this.heat) {
      this.note?.replaceChildren(
        'against',
        h('span', { class: 'scale', 'aria-hidden': 'true' }),
        `alike · similarity ${this.heat.similarity.toFixed(2)}`,
      );
      if (this.note) this.note.hidden = false;
      this.canvas?.setAttribute(
        'aria-label',
        `The query and ${picture.name}, bright where they look alike; similarity ${this.heat.similarity.toFixed(2)}. Arrow keys move, plus and minus zoom, 0 shows all.`,
      );
    } else {
      this.say('');
      this.canvas?.setAttribute(
        'aria-label',
        `${picture.name}${this.placed.length > 1 ? ' beside the query' : ''}. Arrow keys move, plus and minus zoom, 0 shows all.`,
      );
    }
  }

  /** @param {string} text */
  say(text) {
    if (!this.note) return;
    this.note.textContent = text;
    this.note.hidden = !text;
  }

  draw() {
    if (!this.plane || !this.dialog) return;
    const context = this.plane.begin();
    const { x, y, scale } = this.plane;
    context.imageSmoothingQuality = 'high';
    for (const [at, one] of this.placed.entries()) {
      const frame = /** @type {const} */ ([
        x + one.x * scale,
        y + one.y * scale,
        one.width * scale,
        one.height * scale,
      ]);
      context.drawImage(one.image, ...frame);
      const overlay = this.tab === 'heat' && this.heat && this.placed.length === 2 ? this.heatImages[at] : undefined;
      if (overlay) context.drawImage(overlay, ...(at === 0 ? this.queryFrame(frame) : frame));
    }
    if (this.placed.length !== 2) return;
    this.drawRegion(context);
    if (this.tab === 'matches' && this.matches) this.drawMatches(context, this.matches);
  }

  /**
   * Where the query lies on the canvas: its picture, or the box on it.
   * @param {readonly [number, number, number, number]} whole
   * @returns {readonly [number, number, number, number]}
   */
  queryFrame(whole) {
    const region = state().parts[this.part]?.region;
    if (!region) return whole;
    const [x, y] = this.onLeft(region.x, region.y);
    const [right, bottom] = this.onLeft(region.x + region.width, region.y + region.height);
    return [x, y, right - x, bottom - y];
  }

  /** The box of the query. @param {CanvasRenderingContext2D} context */
  drawRegion(context) {
    const region = state().parts[this.part]?.region;
    if (!region || !this.plane) return;
    context.strokeStyle = '#fff';
    context.setLineDash([7, 5]);
    context.lineWidth = 2;
    context.strokeRect(...this.queryFrame([0, 0, 0, 0]));
    context.setLineDash([]);
  }

  /** @param {number} at @param {[number, number] | undefined} size @param {number} px @param {number} py @returns {[number, number]} Full-resolution pixels to the canvas. */
  on(at, size, px, py) {
    const one = this.placed[at];
    const { x, y, scale } = /** @type {Plane} */ (this.plane);
    const share = size && size[0] > 0 ? one.width / size[0] : one.scale;
    return [x + (one.x + px * share) * scale, y + (one.y + py * share) * scale];
  }

  /** @param {number} px @param {number} py */
  onLeft(px, py) {
    return this.on(0, this.querySize(), px, py);
  }

  /** Full size of the query's picture; of a sent one it is that of what is shown. @returns {[number, number] | undefined} */
  querySize() {
    const answer = this.results.found()?.answer;
    const first = state().parts.findIndex((part) => part.text === undefined);
    return (
      this.matches?.query_size ??
      (answer && first === this.part && answer.query_size[0] > 0 ? answer.query_size : undefined)
    );
  }

  /** @param {CanvasRenderingContext2D} context @param {Matches} matches */
  drawMatches(context, matches) {
    this.drawGround(context, matches);
    this.drawFrame(context, matches);
    const step = Math.max(1, Math.ceil(matches.pairs.length / MOST_LINES));
    context.lineWidth = 1.25;
    for (const [at, [x1, y1, x2, y2]] of matches.pairs.entries()) {
      if (at % step && at !== this.highlighted) continue;
      const from = this.on(0, matches.query_size, x1, y1);
      const to = this.on(1, matches.size, x2, y2);
      const strong = at === this.highlighted;
      context.strokeStyle = context.fillStyle = strong ? '#fff' : COLOURS[Math.floor(at / step) % 8];
      context.globalAlpha = strong ? 1 : this.highlighted >= 0 ? 0.25 : 0.8;
      context.lineWidth = strong ? 3 : 1.25;
      context.beginPath();
      context.moveTo(...from);
      context.lineTo(...to);
      context.stroke();
      for (const [cx, cy] of [from, to]) {
        context.beginPath();
        context.arc(cx, cy, strong ? 6 : 3.2, 0, 7);
        context.fill();
      }
    }
    context.globalAlpha = 1;
  }

  /** What agrees between the places, and what differs. @param {CanvasRenderingContext2D} context @param {Matches} matches */
  drawGround(context, matches) {
    for (const { place, verdict } of matches.cells ?? []) {
      const [x, y, width, height] = place;
      const [left, top] = this.on(1, matches.size, x, y);
      const [right, bottom] = this.on(1, matches.size, x + width, y + height);
      context.fillStyle = verdict === 'agrees' ? '#16c784' : '#ff4040';
      context.globalAlpha = verdict === 'agrees' ? 0.2 : 0.4;
      context.fillRect(left, top, right - left, bottom - top);
    }
    context.globalAlpha = 1;
  }

  /** The query's frame as it lies in the other picture. @param {CanvasRenderingContext2D} context @param {Matches} matches */
  drawFrame(context, matches) {
    const region = state().parts[this.part]?.region;
    const [width, height] = matches.query_size;
    const { x, y, width: w, height: t } = region ?? { x: 0, y: 0, width, height };
    const { transform } = matches;
    if (!transform) return;
    const corners = [
      [x, y],
      [x + w, y],
      [x + w, y + t],
      [x, y + t],
    ].map(([px, py]) => projected(transform, px, py));
    if (corners.some((corner) => corner === null)) return;
    const frame = new Path2D();
    for (const corner of corners)
      frame.lineTo(...this.on(1, matches.size, .../** @type {[number, number]} */ (corner)));
    frame.closePath();
    context.save();
    const right = this.placed[1];
    const plane = /** @type {Plane} */ (this.plane);
    const within = new Path2D();
    within.rect(
      plane.x + right.x * plane.scale,
      plane.y + right.y * plane.scale,
      right.width * plane.scale,
      right.height * plane.scale,
    );
    context.clip(within);
    context.lineWidth = 5;
    context.strokeStyle = 'rgb(0 30 20 / 60%)';
    context.stroke(frame);
    context.lineWidth = 2.5;
    context.strokeStyle = '#7df0bd';
    context.stroke(frame);
    context.restore();
  }

  /** @param {number} x @param {number} y */
  hover(x, y) {
    if (this.tab !== 'matches' || !this.matches || this.placed.length !== 2) return;
    let [best, nearest] = [-1, 9];
    for (const [at, [x1, y1, x2, y2]] of this.matches.pairs.entries()) {
      const distance = fromLine(
        x,
        y,
        this.on(0, this.matches.query_size, x1, y1),
        this.on(1, this.matches.size, x2, y2),
      );
      if (distance < nearest) [best, nearest] = [at, distance];
    }
    this.highlight(best);
  }

  /** @param {number} pair */
  highlight(pair) {
    if (pair === this.highlighted) return;
    this.highlighted = pair;
    this.draw();
  }

  /** @param {State} now @param {Picture} picture @param {Hit | undefined} hit */
  drawFacts(now, picture, hit) {
    const more = h(
      'button',
      { type: 'button', class: 'strong', onclick: () => like(picture.image, 1) },
      icon('plus'),
      'More like this',
    );
    const less = h(
      'button',
      { type: 'button', onclick: () => like(picture.image, -1) },
      icon('minus'),
      'Not like this',
    );
    const file = h('a', { href: picture.file, target: '_blank', rel: 'noopener' }, 'Open the file');
    const captions = picture.captions ?? [];
    this.facts?.replaceChildren(
      ...[
        hit && verdict(hit),
        h('div', { class: 'actions' }, more, less),
        hit && shares(hit),
        stages(this.results.found()?.answer),
        captions.length > 0 &&
          h(
            'section',
            {},
            h('h3', {}, 'Captions'),
            captions.slice(0, 8).map((text) => h('p', { class: 'quote' }, text)),
          ),
        h('section', {}, h('h3', {}, 'Picture'), facts(picture), h('p', {}, file)),
        this.mayRemove() && this.remover(now.collection, picture),
      ].filter((one) => one instanceof Node),
    );
  }

  mayRemove() {
    const { scope, token_needed: locked } = this.desk.session;
    return scope === 'write' || !locked;
  }

  /** @param {string} collection @param {Picture} picture */
  remover(collection, picture) {
    const button = h('button', { type: 'button', class: 'link' }, 'Take it out of the collection …');
    let sure = false;
    button.addEventListener('click', async () => {
      if (!sure) {
        sure = true;
        button.textContent = 'Really? The file stays where it is. Click again.';
        return announce('Click again to take the picture out of the collection');
      }
      try {
        await api.remove(collection, picture.image);
        this.dialog?.close();
        this.results.forget();
        this.results.look(state());
      } catch (error) {
        if (error instanceof api.Problem) this.say(`${error.title}. ${error.detail}`);
      }
    });
    return h('section', {}, h('p', {}, button));
  }
}

/** @param {string} source @returns {Promise<HTMLImageElement | null>} */
function loaded(source) {
  const image = new Image();
  image.src = source;
  return image.decode().then(
    () => image,
    () => null,
  );
}

/** @param {number[][]} t @param {number} x @param {number} y @returns {[number, number] | null} */
function projected(t, x, y) {
  const w = t[2][0] * x + t[2][1] * y + t[2][2];
  return w > 1e-9 ? [(t[0][0] * x + t[0][1] * y + t[0][2]) / w, (t[1][0] * x + t[1][1] * y + t[1][2]) / w] : null;
}

/** Distance of a point from a piece of a line. @param {number} x @param {number} y @param {[number, number]} a @param {[number, number]} b */
function fromLine(x, y, a, b) {
  const [dx, dy] = [b[0] - a[0], b[1] - a[1]];
  const t = Math.min(1, Math.max(0, ((x - a[0]) * dx + (y - a[1]) * dy) / Math.max(1e-9, dx * dx + dy * dy)));
  return Math.hypot(x - a[0] - t * dx, y - a[1] - t * dy);
}
