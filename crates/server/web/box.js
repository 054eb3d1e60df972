// A picture on which a box is drawn, moved and resized with the mouse, a finger or the keyboard.
//
// The box is kept in pixels of the upright picture; on the screen it is placed in percent, so that nothing has to be
// computed again when the window changes.

import { announce, h, icon, settled, svg } from './dom.js';

/** A box smaller than this on the screen was a click. */
const SMALLEST = 6;
const HANDLES = /** @type {const} */ (['nw', 'n', 'ne', 'e', 'se', 's', 'sw', 'w']);

/** @typedef {{ kind: 'draw' | 'move' | typeof HANDLES[number], from: [number, number], box: Region | undefined, id: number }} Grip */

export class BoxEditor {
  /** @type {Region | undefined} */
  region;
  /** @type {[number, number]} */
  size = [1, 1];
  /** @type {Grip | undefined} */
  grip;

  /**
   * @param {{ source: string, size?: [number, number], change: (region: Region | undefined) => void, failed: () => void }} options
   */
  constructor(options) {
    this.options = options;
    this.image = h('img', { src: options.source, alt: 'The picture that is searched with', draggable: 'false' });
    this.image.addEventListener('load', () => {
      this.size = options.size ?? [this.image.naturalWidth || 1, this.image.naturalHeight || 1];
      this.draw();
    });
    this.image.addEventListener('error', options.failed);
    this.hole = svg('path', { class: 'veil', 'fill-rule': 'evenodd' });
    this.veil = svg('svg', { viewBox: '0 0 1 1', preserveAspectRatio: 'none', 'aria-hidden': 'true' }, this.hole);
    this.box = h(
      'div',
      { class: 'box', tabindex: '0', role: 'group', 'aria-roledescription': 'box', hidden: true },
      HANDLES.map((at) => h('i', { class: `handle ${at}`, 'data-handle': at })),
    );
    this.box.addEventListener('keydown', (event) => this.key(event));
    this.frame = h('div', { class: 'draw-on' }, this.image, this.veil, this.box);
    this.frame.addEventListener('pointerdown', (event) => this.begin(event));
    this.frame.addEventListener('pointermove', (event) => this.move(event));
    this.frame.addEventListener('pointerup', (event) => this.end(event));
    this.frame.addEventListener('pointercancel', () => this.setRegion(this.grip?.box));
    this.hint = h('p', { class: 'hint' }, 'Draw a box around what you mean.');
    this.add = h('button', { type: 'button', class: 'small', onclick: () => this.centre() }, icon('box'), 'Add a box');
    this.clear = h(
      'button',
      { type: 'button', class: 'small', onclick: () => this.whole() },
      icon('close'),
      'Whole picture',
    );
    this.element = h(
      'div',
      { class: 'box-editor' },
      this.frame,
      h('div', { class: 'box-tools' }, this.hint, this.add, this.clear),
    );
    this.later = settled(() => this.options.change(this.region), 500);
    this.draw();
  }

  /** @param {Region | undefined} region */
  setRegion(region) {
    this.grip = undefined;
    this.region = region;
    this.draw();
  }

  /** @param {PointerEvent} event @returns {[number, number]} In pixels of the picture, within it. */
  at(event) {
    const frame = this.frame.getBoundingClientRect();
    const [width, height] = this.size;
    return [
      clamp((event.clientX - frame.left) / frame.width, 0, 1) * width,
      clamp((event.clientY - frame.top) / frame.height, 0, 1) * height,
    ];
  }

  /** @param {PointerEvent} event */
  begin(event) {
    if (event.button !== 0 || this.grip) return;
    const target = /** @type {HTMLElement} */ (event.target);
    const handle = /** @type {typeof HANDLES[number] | undefined} */ (target.dataset.handle);
    const kind = handle ?? (target === this.box ? 'move' : 'draw');
    this.grip = { kind, from: this.at(event), box: this.region, id: event.pointerId };
    this.frame.setPointerCapture(event.pointerId);
    event.preventDefault();
    if (kind !== 'draw') this.box.focus({ preventScroll: true });
  }

  /** @param {PointerEvent} event */
  move(event) {
    if (this.grip?.id !== event.pointerId) return;
    this.region = this.pulled(this.grip, this.at(event));
    this.draw();
  }

  /** @param {PointerEvent} event */
  end(event) {
    const grip = this.grip;
    if (grip?.id !== event.pointerId) return;
    this.grip = undefined;
    const scale = this.frame.clientWidth / this.size[0];
    const region = this.region;
    if (
      grip.kind === 'draw' &&
      (!region || region === grip.box || Math.min(region.width, region.height) * scale < SMALLEST)
    )
      this.setRegion(grip.box);
    else if (region && !same(region, grip.box)) this.commit();
  }

  /**
   * The box when it is pulled from one point to another.
   * @param {Grip} grip
   * @param {[number, number]} to
   * @returns {Region | undefined}
   */
  pulled({ kind, from, box }, to) {
    if (kind === 'draw' || !box) return spanned(from[0], from[1], to[0], to[1]);
    const [dx, dy] = [to[0] - from[0], to[1] - from[1]];
    if (kind === 'move') return this.moved(box, dx, dy);
    const left = box.x + (kind.includes('w') ? dx : 0);
    const right = box.x + box.width + (kind.includes('e') ? dx : 0);
    const top = box.y + (kind.startsWith('n') ? dy : 0);
    const bottom = box.y + box.height + (kind.startsWith('s') ? dy : 0);
    return this.within(spanned(left, top, right, bottom));
  }

  /** @param {Region} box @param {number} dx @param {number} dy @returns {Region} */
  moved(box, dx, dy) {
    return {
      ...box,
      x: clamp(box.x + dx, 0, this.size[0] - box.width),
      y: clamp(box.y + dy, 0, this.size[1] - box.height),
    };
  }

  /** @param {Region} box @returns {Region} */
  within(box) {
    const [x, y] = [clamp(box.x, 0, this.size[0] - 1), clamp(box.y, 0, this.size[1] - 1)];
    return { x, y, width: clamp(box.width, 1, this.size[0] - x), height: clamp(box.height, 1, this.size[1] - y) };
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const box = this.region;
    const step = Math.max(1, Math.round(Math.min(...this.size) / (event.ctrlKey ? 200 : 40)));
    const steps = /** @type {Record<string, [number, number]>} */ ({
      ArrowLeft: [-step, 0],
      ArrowRight: [step, 0],
      ArrowUp: [0, -step],
      ArrowDown: [0, step],
    });
    const by = steps[event.key];
    if (!box) return;
    if (by && event.shiftKey)
      this.region = this.within({
        ...box,
        width: Math.max(step, box.width + by[0]),
        height: Math.max(step, box.height + by[1]),
      });
    else if (by) this.region = this.moved(box, by[0], by[1]);
    else if (event.key === 'Delete' || event.key === 'Backspace') return (this.whole(), event.preventDefault());
    else return;
    event.preventDefault();
    this.draw();
    this.later();
  }

  /** A box in the middle, for those who do not draw. */
  centre() {
    const [width, height] = this.size;
    this.region = { x: width / 4, y: height / 4, width: width / 2, height: height / 2 };
    this.draw();
    this.box.focus();
    this.commit();
  }

  whole() {
    this.region = undefined;
    this.draw();
    this.add.focus();
    this.options.change(undefined);
  }

  commit() {
    const box = this.region;
    if (!box) return;
    const x = Math.floor(box.x),
      y = Math.floor(box.y);
    this.region = this.within({ x, y, width: Math.round(box.width), height: Math.round(box.height) });
    this.draw();
    announce(`Box of ${Math.round(this.region.width)} by ${Math.round(this.region.height)} pixels`);
    this.options.change(this.region);
  }

  draw() {
    const [width, height] = this.size;
    const box = this.region;
    this.box.hidden = !box;
    this.veil.toggleAttribute('hidden', !box);
    this.clear.hidden = !box;
    this.add.hidden = this.hint.hidden = Boolean(box);
    if (!box) return;
    const [x, y, w, t] = [box.x / width, box.y / height, box.width / width, box.height / height];
    this.hole.setAttribute('d', `M0 0H1V1H0Z M${x} ${y}h${w}v${t}h${-w}Z`);
    const places = { left: x, top: y, width: w, height: t };
    for (const [side, share] of Object.entries(places)) this.box.style.setProperty(side, `${share * 100}%`);
    this.box.setAttribute(
      'aria-label',
      `Box from ${Math.round(box.x)}, ${Math.round(box.y)}, ${Math.round(box.width)} by ${Math.round(box.height)} pixels. Arrow keys move it, with Shift they resize it, Delete removes it.`,
    );
  }
}

/** @param {number} value @param {number} low @param {number} high */
function clamp(value, low, high) {
  return Math.min(Math.max(value, low), Math.max(low, high));
}

/** @param {number} x1 @param {number} y1 @param {number} x2 @param {number} y2 @returns {Region} */
function spanned(x1, y1, x2, y2) {
  return { x: Math.min(x1, x2), y: Math.min(y1, y2), width: Math.abs(x2 - x1), height: Math.abs(y2 - y1) };
}

/** @param {Region} a @param {Region | undefined} b */
function same(a, b) {
  return b !== undefined && a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height;
}
