// A plane that is moved and zoomed with wheel, fingers, mouse, keys and buttons; what is on it is drawn by others.

import { h, icon } from './dom.js';

export class Plane {
  /** Pixels of the screen for one unit of the plane, and where its origin is on the canvas. */
  scale = 1;
  x = 0;
  y = 0;
  /** @type {[number, number, number, number]} Left, top, right, bottom of all there is. */
  bounds = [0, 0, 1, 1];
  /** @type {Map<number, [number, number]>} Fingers, by their id. */
  fingers = new Map();
  fitted = true;
  dragged = false;
  /** @type {((phase: 'begin' | 'move' | 'end', x: number, y: number) => void) | undefined} Takes the drag instead of moving the plane. */
  pen;

  /**
   * @param {HTMLCanvasElement} canvas
   * @param {{ draw: () => void, click?: (x: number, y: number) => void, hover?: (x: number, y: number) => void, leave?: () => void, most?: number, inset?: number }} options
   */
  constructor(canvas, options) {
    this.canvas = canvas;
    this.options = options;
    canvas.tabIndex = 0;
    canvas.addEventListener('pointerdown', (event) => this.down(event));
    canvas.addEventListener('pointermove', (event) => this.move(event));
    canvas.addEventListener('pointerup', (event) => this.up(event));
    canvas.addEventListener('pointercancel', (event) => this.fingers.delete(event.pointerId));
    canvas.addEventListener('pointerleave', () => options.leave?.());
    canvas.addEventListener('wheel', (event) => this.wheel(event), { passive: false });
    canvas.addEventListener('dblclick', (event) => this.zoom(2, event.offsetX, event.offsetY));
    canvas.addEventListener('keydown', (event) => this.key(event));
    new ResizeObserver(() => this.resize()).observe(canvas);
  }

  /** The canvas cleared and set to units of the plane's pixels. */
  begin() {
    const context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext('2d'));
    const ratio = window.devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.canvas.clientWidth, this.canvas.clientHeight);
    return context;
  }

  resize() {
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(this.canvas.clientWidth * ratio), Math.round(this.canvas.clientHeight * ratio)];
    if (!width || !height) return;
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    if (this.fitted) this.fit();
    else this.options.draw();
  }

  /** Shows everything. @param {[number, number, number, number]} [bounds] */
  fit(bounds) {
    if (bounds) this.bounds = bounds;
    const [left, top, right, bottom] = this.bounds;
    const inset = this.options.inset ?? 24;
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    this.scale = this.whole();
    this.x = (width - (left + right) * this.scale) / 2;
    this.y = (height - (top + bottom) * this.scale) / 2;
    this.fitted = true;
    if (width > inset && height > inset) this.options.draw();
  }

  /** The scale at which everything is seen. */
  whole() {
    const [left, top, right, bottom] = this.bounds;
    const inset = this.options.inset ?? 24;
    const [width, height] = [this.canvas.clientWidth - 2 * inset, this.canvas.clientHeight - 2 * inset];
    return Math.max(1e-9, Math.min(width / Math.max(1e-9, right - left), height / Math.max(1e-9, bottom - top)));
  }

  /** @param {number} factor @param {number} [x] Stays where it is. @param {number} [y] */
  zoom(factor, x = this.canvas.clientWidth / 2, y = this.canvas.clientHeight / 2) {
    const whole = this.whole();
    const next = Math.min(Math.max(this.scale * factor, whole * 0.7), whole * (this.options.most ?? 40));
    const real = next / this.scale;
    this.x = x - (x - this.x) * real;
    this.y = y - (y - this.y) * real;
    this.scale = next;
    this.fitted = false;
    this.options.draw();
  }

  /** @param {number} dx @param {number} dy */
  pan(dx, dy) {
    const [left, top, right, bottom] = this.bounds;
    const [width, height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    // Something always stays in sight.
    this.x = Math.min(Math.max(this.x + dx, 40 - right * this.scale), width - 40 - left * this.scale);
    this.y = Math.min(Math.max(this.y + dy, 40 - bottom * this.scale), height - 40 - top * this.scale);
    this.fitted = false;
    this.options.draw();
  }

  /** @param {number} x @param {number} y @returns {[number, number]} From the canvas to the plane. */
  inverse(x, y) {
    return [(x - this.x) / this.scale, (y - this.y) / this.scale];
  }

  /** @param {PointerEvent} event */
  down(event) {
    if (event.button !== 0) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.fingers.set(event.pointerId, [event.offsetX, event.offsetY]);
    this.dragged = false;
    if (this.fingers.size === 1) this.pen?.('begin', event.offsetX, event.offsetY);
  }

  /** @param {PointerEvent} event */
  move(event) {
    const before = this.fingers.get(event.pointerId);
    const [x, y] = [event.offsetX, event.offsetY];
    if (!before) return this.options.hover?.(x, y);
    if (!this.dragged && Math.hypot(x - before[0], y - before[1]) < 4) return;
    this.dragged = true;
    const other = [...this.fingers].find(([id]) => id !== event.pointerId)?.[1];
    this.fingers.set(event.pointerId, [x, y]);
    if (other) {
      const grown =
        Math.hypot(x - other[0], y - other[1]) / Math.max(1, Math.hypot(before[0] - other[0], before[1] - other[1]));
      this.zoom(grown, (x + other[0]) / 2, (y + other[1]) / 2);
      this.pan((x - before[0]) / 2, (y - before[1]) / 2);
    } else if (this.pen) this.pen('move', x, y);
    else this.pan(x - before[0], y - before[1]);
  }

  /** @param {PointerEvent} event */
  up(event) {
    if (!this.fingers.delete(event.pointerId)) return;
    if (this.pen && this.fingers.size === 0) this.pen('end', event.offsetX, event.offsetY);
    if (!this.dragged) this.options.click?.(event.offsetX, event.offsetY);
  }

  /** @param {WheelEvent} event */
  wheel(event) {
    event.preventDefault();
    const unit = event.deltaMode === 1 ? 30 : 1;
    this.zoom(Math.exp(-event.deltaY * unit * 0.0016), event.offsetX, event.offsetY);
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = /** @type {Record<string, [number, number]>} */ ({
      ArrowLeft: [60, 0],
      ArrowRight: [-60, 0],
      ArrowUp: [0, 60],
      ArrowDown: [0, -60],
    });
    const by = moves[event.key];
    if (by) this.pan(...by);
    else if (event.key === '+' || event.key === '=') this.zoom(1.4);
    else if (event.key === '-') this.zoom(1 / 1.4);
    else if (event.key === '0') this.fit();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  buttons() {
    /** @param {'plus' | 'minus' | 'fit'} name @param {string} label @param {() => void} what */
    const button = (name, label, what) =>
      h('button', { type: 'button', 'aria-label': label, title: label, onclick: what }, icon(name));
    return h(
      'div',
      { class: 'zooms' },
      button('plus', 'Zoom in (+)', () => this.zoom(1.5)),
      button('minus', 'Zoom out (-)', () => this.zoom(1 / 1.5)),
      button('fit', 'Show all (0)', () => this.fit()),
    );
  }
}

/** @param {string} name A colour of the style sheet, for canvases. */
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Colours that most eyes tell apart (after Okabe and Ito), with enough contrast on white and on black. */
export const COLOURS = [
  '#0b7fc2',
  '#d9720b',
  '#0f9b73',
  '#c0509a',
  '#8a7a00',
  '#5b63d6',
  '#cf3f2e',
  '#2f9fb8',
  '#8d5a3b',
  '#6d8f1f',
  '#a04fd0',
  '#777777',
];
