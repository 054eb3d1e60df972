// Where the pictures that were found were taken, on a map of the world that comes with the page.
//
// Land is Natural Earth's 1:110m outline (public domain), drawn in the Equal Earth projection (Šavrič, Patterson & Jenny
// 2018), which keeps areas in proportion.

import * as api from './api.js';
import { counted, h, icon } from './dom.js';
import { condition, go, state } from './state.js';
import { colour, Plane } from './view.js';

/** Places nearer than this on the screen are one dot with a number. */
const APART = 28;
/** Most positions asked for while nothing is searched. */
const MOST = 2000;
const A = [1.340264, -0.081106, 0.000893, 0.003796];

/** @typedef {{ picture: Hit | Picture, match: boolean, x: number, y: number }} Place */

export class WorldView {
  /** @type {Path2D | undefined} */
  land;
  /** @type {Place[]} */
  places = [];
  /** @type {Place[]} */
  chosen = [];
  key = '';
  all = false;
  /** @type {AbortController | undefined} */
  going;

  /**
   * @param {HTMLElement} main
   * @param {import('./results.js').Results} results
   */
  constructor(main, results) {
    this.results = results;
    this.canvas = h('canvas', { role: 'img', 'aria-label': 'World map' });
    this.plane = new Plane(this.canvas, {
      draw: () => this.draw(),
      click: (x, y) => this.click(x, y),
      hover: (x, y) => this.hover(x, y),
      leave: () => (this.tip.hidden = true),
      most: 400,
      inset: 10,
    });
    this.line = h('p', { class: 'line', role: 'status' });
    const rest = h('input', { type: 'checkbox', id: 'rest', onchange: () => this.setAll(rest.checked) });
    this.rest = h('label', { class: 'only' }, rest, 'Also results that are not verified');
    this.tip = h('div', { class: 'hover', hidden: true });
    this.list = h('ul', { class: 'places', 'aria-label': 'Places' });
    const sheet = h('div', { class: 'sheet' }, this.canvas, this.tip, this.plane.buttons());
    this.element = h(
      'section',
      { class: 'plain', 'aria-label': 'World' },
      h('h1', { class: 'unseen' }, 'Where the pictures were taken'),
      h('div', { class: 'chart-top' }, this.line, this.rest),
      sheet,
      this.list,
      h('p', { class: 'sources' }, 'Land: Natural Earth 1:110m, simplified, public domain. Projection: Equal Earth.'),
    );
    main.append(this.element);
    results.onFound(() => !this.element.hidden && void this.collect(state()));
    window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw());
    void this.loadLand();
  }

  hide() {
    this.going?.abort();
  }

  /** The collection has changed. */
  forget() {
    this.key = '';
  }

  async loadLand() {
    /** @type {{ rings: number[][] }} */
    const { rings } = await api.get('/assets/land.json');
    const land = new Path2D();
    for (const ring of rings) {
      let [longitude, latitude] = [0, 0];
      for (let at = 0; at + 1 < ring.length; at += 2) {
        longitude += ring[at];
        latitude += ring[at + 1];
        const point = projected(latitude / 10, longitude / 10);
        if (at) land.lineTo(...point);
        else land.moveTo(...point);
      }
      land.closePath();
    }
    this.land = land;
    const [right, bottom] = [projected(0, 180)[0], projected(-90, 0)[1]];
    this.plane.fit([-right, -bottom, right, bottom]);
  }

  /** @param {boolean} all */
  setAll(all) {
    this.all = all;
    this.key = '';
    void this.collect(state());
  }

  /** @param {State} now */
  show(now) {
    void this.collect(now);
  }

  /** @param {State} now */
  async collect(now) {
    const asked = now.parts.length > 0;
    this.rest.hidden = !asked;
    const found = this.results.found();
    const key = `${this.results.key} ${now.min} ${now.matches} ${this.all} ${found?.items.length}`;
    if (key === this.key) return this.draw();
    this.key = key;
    /** @type {(Hit | Picture)[]} */
    let pictures = [];
    if (asked) pictures = found ? this.results.passing(now, found) : [];
    else {
      this.going?.abort();
      const going = (this.going = new AbortController());
      try {
        pictures = await this.everywhere(now, going.signal);
      } catch (error) {
        if (error instanceof api.Problem) this.line.textContent = error.detail;
        return;
      }
      if (this.key !== key) return;
    }
    this.take(pictures, asked);
  }

  /** Everything that has a position, where nothing is asked. @param {State} now @param {AbortSignal} signal */
  everywhere(now, signal) {
    const where = [condition(now), 'latitude is not null'].filter(Boolean).join(' and ');
    return api.everyImage(now.collection, where, MOST, signal);
  }

  /** @param {(Hit | Picture)[]} pictures @param {boolean} asked */
  take(pictures, asked) {
    this.places = pictures.flatMap((picture) => {
      const { latitude, longitude } = picture;
      if (typeof latitude !== 'number' || typeof longitude !== 'number') return [];
      const match = 'verdict' in picture && picture.verdict === 'match';
      if (asked && !match && !this.all) return [];
      const [x, y] = projected(latitude, longitude);
      return [{ picture, match: match || !asked, x, y }];
    });
    // Matches are drawn last, above the rest.
    this.places.sort((a, b) => Number(a.match) - Number(b.match));
    this.chosen = [];
    const what = asked ? (this.all ? 'result' : 'verified match') : 'picture';
    const none = asked ? 'No verified match has a position.' : 'No picture of this collection has a position.';
    this.line.replaceChildren(
      this.places.length
        ? h('strong', {}, counted(this.places.length, what, what.endsWith('match') ? `${what}es` : `${what}s`))
        : none,
      this.places.length ? ' with a position' : '',
    );
    this.canvas.setAttribute(
      'aria-label',
      `World map with ${counted(this.places.length, 'place')}; the list below it says where. Arrow keys move, plus and minus zoom, 0 shows all.`,
    );
    this.drawList();
    this.draw();
  }

  /** Places that lie together on the screen. */
  clusters() {
    /** @type {{ x: number, y: number, places: Place[] }[]} */
    const found = [];
    const { x, y, scale } = this.plane;
    for (const place of this.places) {
      const [cx, cy] = [x + place.x * scale, y + place.y * scale];
      const near = found.find(
        (one) => one.places[0].match === place.match && Math.hypot(one.x - cx, one.y - cy) < APART,
      );
      if (near) {
        const n = near.places.push(place);
        near.x += (cx - near.x) / n;
        near.y += (cy - near.y) / n;
      } else found.push({ x: cx, y: cy, places: [place] });
    }
    return found;
  }

  draw() {
    const context = this.plane.begin();
    const { x, y, scale } = this.plane;
    if (this.land) {
      context.save();
      context.translate(x, y);
      context.scale(scale, scale);
      context.fillStyle = colour('--sea');
      context.fill(GLOBE);
      context.fillStyle = colour('--land');
      context.fill(this.land);
      context.restore();
    }
    context.font = '600 12px system-ui, sans-serif';
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    for (const cluster of this.clusters()) this.drawCluster(context, cluster);
  }

  /** @param {CanvasRenderingContext2D} context @param {{ x: number, y: number, places: Place[] }} cluster */
  drawCluster(context, { x, y, places }) {
    const radius = places.length > 1 ? 10 + 2.5 * Math.log2(places.length) : 7;
    const { match } = places[0];
    context.beginPath();
    context.arc(x, y, radius, 0, 7);
    context.fillStyle = colour(match ? '--accent' : '--card');
    context.fill();
    context.lineWidth = 2;
    context.strokeStyle = colour(match ? '--card' : '--edge');
    context.stroke();
    if (places.length < 2) return;
    context.fillStyle = colour(match ? '--on-accent' : '--ink');
    context.fillText(String(places.length), x, y);
  }

  /** @param {number} x @param {number} y */
  at(x, y) {
    const near = this.clusters().filter((cluster) => Math.hypot(cluster.x - x, cluster.y - y) < 20);
    near.sort((a, b) => Math.hypot(a.x - x, a.y - y) - Math.hypot(b.x - x, b.y - y));
    return near[0];
  }

  /** @param {number} x @param {number} y */
  hover(x, y) {
    const cluster = this.at(x, y);
    this.canvas.style.cursor = cluster ? 'pointer' : '';
    this.tip.hidden = !cluster;
    if (!cluster) return;
    const { picture } = cluster.places[0];
    this.tip.style.setProperty('left', `${x > this.canvas.clientWidth / 2 ? x - 196 : x + 16}px`);
    this.tip.style.setProperty('top', `${Math.min(Math.max(8, y - 90), this.canvas.clientHeight - 210)}px`);
    this.tip.replaceChildren(
      h('img', { src: api.thumbnail(state().collection, picture.image, 256), alt: '' }),
      h('p', {}, cluster.places.length > 1 ? counted(cluster.places.length, 'picture') : picture.name),
    );
  }

  /** @param {number} x @param {number} y */
  click(x, y) {
    const cluster = this.at(x, y);
    this.chosen = cluster?.places ?? [];
    this.tip.hidden = true;
    if (cluster?.places.length === 1) go({ open: cluster.places[0].picture.image });
    this.drawList();
  }

  drawList() {
    const shown = (this.chosen.length ? this.chosen : [...this.places].reverse()).slice(0, 60);
    this.list.replaceChildren(
      ...shown.map(({ picture, match }) => {
        const where = `${degrees(picture.latitude, 'N', 'S')} ${degrees(picture.longitude, 'E', 'W')}`;
        const verified = match && 'verdict' in picture;
        return h(
          'li',
          {},
          h(
            'button',
            { type: 'button', onclick: () => go({ open: picture.image }) },
            h('img', { src: api.thumbnail(state().collection, picture.image, 128), alt: '', loading: 'lazy' }),
            h(
              'span',
              {},
              verified && h('span', { class: 'match' }, icon('check'), 'match'),
              ' ',
              picture.name,
              h('small', {}, where),
            ),
          ),
        );
      }),
    );
  }
}

/** @param {number | undefined} value @param {string} plus @param {string} minus */
function degrees(value, plus, minus) {
  return `${Math.abs(value ?? 0).toFixed(2)}° ${(value ?? 0) < 0 ? minus : plus}`;
}

/** The edge of the whole map. */
const GLOBE = (() => {
  const edge = new Path2D();
  for (let latitude = -90; latitude <= 90; latitude += 3) edge.lineTo(...projected(latitude, 180));
  for (let latitude = 90; latitude >= -90; latitude -= 3) edge.lineTo(...projected(latitude, -180));
  edge.closePath();
  return edge;
})();

/** Equal Earth, north up. @param {number} latitude @param {number} longitude @returns {[number, number]} */
function projected(latitude, longitude) {
  const t = Math.asin((Math.sqrt(3) / 2) * Math.sin((latitude * Math.PI) / 180));
  const t2 = t * t;
  const t6 = t2 * t2 * t2;
  const slope = A[0] + 3 * A[1] * t2 + t6 * (7 * A[2] + 9 * A[3] * t2);
  return [
    (2 * Math.sqrt(3) * ((longitude * Math.PI) / 180) * Math.cos(t)) / (3 * slope),
    -t * (A[0] + A[1] * t2 + t6 * (A[2] + A[3] * t2)),
  ];
}
