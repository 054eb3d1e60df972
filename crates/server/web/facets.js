// What narrows the collection: a condition to type, values to tick, spans of numbers and dates.

import * as api from './api.js';
import { counted, h, icon, refill, settled, told } from './dom.js';
import { condition, go, state } from './state.js';

/** Values listed before "more" is asked for. */
const FIRST = 8;
/** Different numbers that are ticked one by one; of more a span is asked for. */
const MOST_NUMBERS = 8;
/** The world view is the better way to these. */
const ELSEWHERE = ['latitude', 'longitude'];

export class Facets {
  key = '';
  /** @type {Facet[]} */
  facets = [];
  /** @type {Set<string>} */
  unfolded = new Set();
  /** @type {Set<string>} */
  closed = new Set();
  /** @type {AbortController | undefined} */
  going;

  /**
   * @param {HTMLElement} place
   * @param {import('./app.js').PageDesk} desk
   */
  constructor(place, desk) {
    this.desk = desk;
    this.field = h('input', {
      type: 'text',
      id: 'where',
      spellcheck: 'false',
      autocomplete: 'off',
      placeholder: 'taken >= 2024 and rating > 3',
      'aria-describedby': 'where-help',
    });
    this.wrong = h('div', { class: 'wrong', role: 'alert', hidden: true });
    const form = h(
      'form',
      { class: 'where' },
      h('label', { for: 'where' }, 'Condition'),
      this.field,
      this.wrong,
      h('p', { class: 'hint', id: 'where-help' }, 'Keys, values, and, or, not, near(47.5, 19, 10 km)'),
    );
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      go({ where: this.field.value.trim(), min: null });
    });
    this.field.addEventListener('change', () => go({ where: this.field.value.trim(), min: null }));
    this.active = h('div', { class: 'active' });
    this.list = h('div', { class: 'facet-list' });
    this.fold = h(
      'details',
      { class: 'all-filters', open: window.matchMedia('(min-width: 900px)').matches },
      h('summary', {}, 'Filters'),
      this.active,
      this.list,
      form,
    );
    place.append(this.fold);
    this.spanChanged = settled(() => this.readSpans(), 300);
  }

  focus() {
    this.fold.open = true;
    this.field.focus();
  }

  forget() {
    this.key = '';
  }

  /** @param {State} now */
  show(now) {
    if (document.activeElement !== this.field) this.field.value = now.where;
    this.drawActive(now);
    const key = `${now.collection} ${condition(now)}`;
    if (key !== this.key) {
      this.key = key;
      void this.ask(now);
    } else this.draw(now);
  }

  /** @param {State} now */
  async ask(now) {
    this.going?.abort();
    const going = (this.going = new AbortController());
    try {
      const plain = await api.facets(now.collection, condition(now), going.signal);
      // The values of a key with ticks are counted without those, or the others would all be gone.
      const ticked = Object.keys(now.picked).filter((key) => now.picked[key].length);
      const own = await Promise.all(ticked.map((key) => api.facets(now.collection, condition(now, key), going.signal)));
      const free = new Map(ticked.map((key, at) => [key, own[at].facets.find((facet) => facet.key === key)]));
      this.facets = plain.facets.map((facet) => free.get(facet.key) ?? facet);
      for (const [key, facet] of free)
        if (facet && !plain.facets.some((one) => one.key === key)) this.facets.push(facet);
      this.wrong.hidden = true;
    } catch (error) {
      if (error instanceof DOMException) return;
      if (!(error instanceof api.Problem)) throw error;
      refill(this.wrong, told(error.detail || error.title));
      this.wrong.hidden = !now.where;
    }
    this.draw(state());
  }

  /** @param {State} now */
  drawActive(now) {
    /** @type {HTMLElement[]} */
    const chips = [];
    /** @param {string} text @param {Partial<State>} without */
    const chip = (text, without) =>
      chips.push(
        h(
          'button',
          {
            type: 'button',
            class: 'small',
            'aria-label': `Remove the filter ${text}`,
            onclick: () => go({ ...without, min: null }),
          },
          text,
          icon('close'),
        ),
      );
    if (now.among.length) chip(`${counted(now.among.length, 'picture')} from the map`, { among: [] });
    for (const [key, values] of Object.entries(now.picked))
      for (const value of values) chip(`${key}: ${value}`, { picked: toggled(now.picked, key, value) });
    for (const [key, span] of Object.entries(now.spans))
      chip(`${key}: ${span.low || '…'} to ${span.high || '…'}`, { spans: without(now.spans, key) });
    this.active.replaceChildren(...chips);
  }

  /** @param {State} now */
  draw(now) {
    const useful = this.facets.filter(
      (facet) =>
        !ELSEWHERE.includes(facet.key) &&
        (facet.values.length > 1 ||
          now.picked[facet.key]?.length ||
          now.spans[facet.key] ||
          (facet.min !== undefined && facet.min !== facet.max)),
    );
    refill(
      this.list,
      useful.map((facet) => this.facet(now, facet)),
    );
    this.list.hidden = !useful.length;
  }

  /** @param {State} now @param {Facet} facet */
  facet(now, facet) {
    const spanned = facet.kind === 'date' || (facet.kind === 'number' && facet.distinct > MOST_NUMBERS);
    const open = !this.closed.has(facet.key);
    const details = h(
      'details',
      { class: 'facet', open },
      h('summary', { 'data-focus': `facet ${facet.key}` }, facet.key),
      spanned ? this.span(now, facet) : this.ticks(now, facet),
    );
    details.addEventListener('toggle', () =>
      details.open ? this.closed.delete(facet.key) : this.closed.add(facet.key),
    );
    return details;
  }

  /** @param {State} now @param {Facet} facet */
  ticks(now, facet) {
    const picked = now.picked[facet.key] ?? [];
    const all = this.unfolded.has(facet.key);
    const most = Math.max(1, ...facet.values.map((value) => value.count));
    const values =
      facet.kind === 'number' ? facet.values.toSorted((a, b) => Number(a.value) - Number(b.value)) : facet.values;
    const shown = values.filter((value, at) => all || at < FIRST || picked.includes(value.value));
    const rows = shown.map(({ value, count }) => {
      const text = value;
      const tick = h('input', {
        type: 'checkbox',
        checked: picked.includes(text),
        'data-focus': `${facet.key}=${text}`,
      });
      tick.addEventListener('change', () => go({ picked: toggled(state().picked, facet.key, text), min: null }));
      return h(
        'li',
        {},
        h(
          'label',
          { style: { '--share': `${(100 * count) / most}%` } },
          tick,
          h('span', { class: 'value' }, text),
          h('span', { class: 'count' }, count.toLocaleString('en')),
        ),
      );
    });
    const more =
      facet.values.length > FIRST &&
      h(
        'button',
        {
          type: 'button',
          class: 'link',
          'data-focus': `more ${facet.key}`,
          onclick: () => this.unfold(facet.key, all),
        },
        all ? 'Fewer' : `${facet.values.length - FIRST} more`,
      );
    return h('div', {}, h('ul', { class: 'ticks', 'aria-label': facet.key }, rows), more);
  }

  /** @param {string} key @param {boolean} all */
  unfold(key, all) {
    this.unfolded[all ? 'delete' : 'add'](key);
    this.draw(state());
  }

  /** @param {State} now @param {Facet} facet */
  span(now, facet) {
    const type = facet.kind === 'date' ? 'date' : 'number';
    const day = (/** @type {unknown} */ end) =>
      facet.kind === 'date' ? String(end ?? '').slice(0, 10) : String(end ?? '');
    const [least, most] = [day(facet.min), day(facet.max)];
    /** @param {'low' | 'high'} end @param {string} placeholder */
    const field = (end, placeholder) => {
      const input = h('input', {
        type,
        step: 'any',
        placeholder,
        min: type === 'date' && least,
        max: type === 'date' && most,
        value: now.spans[facet.key]?.[end] ?? '',
        'data-focus': `${facet.key} ${end}`,
        'data-key': facet.key,
        'data-end': end,
        'aria-label': `${facet.key} ${end === 'low' ? 'from' : 'to'}`,
      });
      input.addEventListener('input', this.spanChanged);
      return input;
    };
    return h(
      'div',
      { class: 'span' },
      field('low', least),
      h('span', { 'aria-hidden': 'true' }, '–'),
      field('high', most),
    );
  }

  readSpans() {
    const spans = { ...state().spans };
    for (const input of this.list.querySelectorAll('input[data-end]')) {
      if (!(input instanceof HTMLInputElement)) continue;
      const key = input.dataset.key ?? '';
      spans[key] = {
        ...(spans[key] ?? { low: '', high: '' }),
        [input.dataset.end === 'low' ? 'low' : 'high']: input.value,
      };
    }
    for (const [key, span] of Object.entries(spans)) if (!span.low && !span.high) delete spans[key];
    if (JSON.stringify(spans) !== JSON.stringify(state().spans)) go({ spans, min: null });
  }
}

/** @param {Record<string, string[]>} picked @param {string} key @param {string} value */
function toggled(picked, key, value) {
  const values = picked[key] ?? [];
  const next = values.includes(value) ? values.filter((one) => one !== value) : [...values, value];
  const rest = without(picked, key);
  return next.length ? { ...rest, [key]: next } : rest;
}

/** @template T @param {Record<string, T>} record @param {string} key */
function without(record, key) {
  return Object.fromEntries(Object.entries(record).filter(([name]) => name !== key));
}
