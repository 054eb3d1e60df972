// The question: words, pictures and parts of pictures, each with a weight and a sign.

import * as api from './api.js';
import { announce, byId, h, icon, refill, toast } from './dom.js';
import { go, partText, state } from './state.js';

/** Most pictures that are taken from one drop; more are a slip of the hand. */
const MOST_DROPPED = 4;

export class Compose {
  /** Which part's picture is shown in the side column. */
  chosen = -1;
  /** @type {import('./box.js').BoxEditor | undefined} */
  editor;
  shown = '';

  /**
   * @param {HTMLElement} bar
   * @param {HTMLElement} picture
   * @param {import('./app.js').PageDesk} desk
   */
  constructor(bar, picture, desk) {
    this.bar = bar;
    this.picture = picture;
    this.desk = desk;
    this.chips = h('ul', { class: 'chips', 'aria-label': 'Parts of the query', hidden: true });
    this.words = h('input', {
      id: 'words',
      type: 'text',
      maxlength: '1000',
      autocomplete: 'off',
      enterkeyhint: 'search',
      'aria-label': 'Words to search for',
    });
    this.file = h('input', {
      type: 'file',
      id: 'file',
      accept: 'image/*',
      class: 'unseen',
      tabindex: '-1',
      'aria-hidden': 'true',
      onchange: () => this.take([...(this.file.files ?? [])]),
    });
    const choose = h(
      'button',
      {
        type: 'button',
        class: 'quiet',
        id: 'choose',
        onclick: () => this.choose(),
        title: 'Search with a picture (u)',
      },
      icon('picture'),
      h('span', {}, 'Picture'),
    );
    const form = h(
      'form',
      { class: 'field' },
      this.chips,
      this.words,
      this.file,
      choose,
      h('button', { class: 'strong', type: 'submit', 'aria-label': 'Search' }, icon('search'), h('span', {}, 'Search')),
    );
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      this.addWords();
    });
    this.words.addEventListener('keydown', (event) => this.backspace(event));
    bar.append(form);
    this.listen();
  }

  /** Pictures may be dropped and pasted anywhere on the page. */
  listen() {
    const veil = byId('drop');
    /** @param {DataTransfer | null} data */
    const carries = (data) => [...(data?.types ?? [])].some((type) => type === 'Files' || type === 'text/uri-list');
    /** The window for taking pictures in has a place of its own to drop on. */
    const elsewhere = () => document.querySelector('dialog[open]') !== null;
    document.addEventListener('dragenter', (event) => {
      if (carries(event.dataTransfer) && !elsewhere()) veil.hidden = false;
    });
    document.addEventListener('dragover', (event) => {
      if (carries(event.dataTransfer)) event.preventDefault();
    });
    document.addEventListener('dragleave', (event) => {
      if (event.relatedTarget === null) veil.hidden = true;
    });
    document.addEventListener('drop', (event) => {
      veil.hidden = true;
      if (!carries(event.dataTransfer)) return;
      event.preventDefault();
      if (!elsewhere()) void this.takeFrom(event.dataTransfer);
    });
    document.addEventListener('paste', (event) => {
      if (elsewhere() || !event.clipboardData?.files.length) return;
      event.preventDefault();
      void this.takeFrom(event.clipboardData);
    });
  }

  /** @param {DataTransfer | null} data */
  async takeFrom(data) {
    const files = [...(data?.files ?? [])];
    if (files.length) return this.take(files);
    const address = data?.getData('text/uri-list').split('\n')[0].trim();
    if (!address) return;
    if (!this.desk.session.features.fetch) {
      return toast('This server fetches no pictures from other sites: save the picture and drop the file.', 'wrong');
    }
    await this.send(() => api.fetchPicture(address));
  }

  /** @param {File[]} files */
  async take(files) {
    this.file.value = '';
    if (files.length > MOST_DROPPED)
      toast(`The first ${MOST_DROPPED} of ${files.length} pictures are searched with; “Add pictures” takes many in.`);
    for (const file of files.slice(0, MOST_DROPPED)) await this.send(() => api.upload(file));
  }

  /** @param {() => Promise<{ upload: string }>} how */
  async send(how) {
    this.bar.classList.add('busy');
    announce('Sending the picture');
    try {
      const { upload } = await how();
      const parts = [...state().parts, { upload, weight: 1 }];
      this.chosen = parts.length - 1;
      this.ask(parts);
    } catch (error) {
      if (error instanceof api.Problem) toast(error.detail || error.title, 'wrong');
      else throw error;
    } finally {
      this.bar.classList.remove('busy');
    }
  }

  choose() {
    this.file.click();
  }

  focusWords() {
    this.words.focus();
    this.words.select();
  }

  addWords() {
    const text = this.words.value.trim();
    if (!text) return state().parts.length ? undefined : this.words.focus();
    if (!this.desk.collection()?.can_text)
      return toast(`${state().collection} has neither captions nor a text model: it is searched by pictures.`, 'wrong');
    this.words.value = '';
    this.ask([...state().parts, { text, weight: 1 }]);
  }

  /** @param {KeyboardEvent} event */
  backspace(event) {
    if (event.key !== 'Backspace' || this.words.value || !state().parts.length) return;
    event.preventDefault();
    const last = state().parts.at(-1);
    this.ask(state().parts.slice(0, -1));
    if (last?.text !== undefined) this.words.value = last.text;
  }

  /**
   * Searches with other parts; the cut-off belonged to the list before.
   * @param {Part[]} parts
   * @param {'push' | 'replace'} [how]
   */
  ask(parts, how = 'push') {
    go({ parts, min: null, open: null, view: state().view === 'runs' ? 'pictures' : state().view }, how);
  }

  /** @param {number} at @param {Partial<Part>} change @param {'push' | 'replace'} [how] */
  change(at, change, how = 'push') {
    this.ask(
      state().parts.map((part, index) => (index === at ? { ...part, ...change } : part)),
      how,
    );
  }

  /** @param {State} now */
  show(now) {
    const { parts } = now;
    if (!parts[this.chosen] || parts[this.chosen].text !== undefined) {
      this.chosen = parts.findIndex((part) => part.text === undefined);
    }
    this.chips.hidden = !parts.length;
    refill(
      this.chips,
      parts.map((part, at) => this.chip(part, at)),
    );
    const canText = this.desk.collection()?.can_text;
    const begin = canText
      ? 'What are you looking for? Type words, or drop a picture'
      : 'Drop, paste or choose a picture';
    this.words.placeholder = parts.length ? (canText ? 'and …' : '') : begin;
    void this.showPicture(now);
  }

  /** @param {Part} part @param {number} at */
  chip(part, at) {
    const name =
      part.text !== undefined
        ? `“${part.text}”`
        : `${part.region ? 'part of ' : ''}${part.image !== undefined ? `picture ${part.image}` : 'your picture'}`;
    const less = part.weight < 0;
    const sign = h(
      'button',
      {
        type: 'button',
        class: 'sign',
        'data-focus': `sign${at}`,
        'aria-pressed': String(less),
        'aria-label': `${name}: less like this`,
        title: less ? 'Less like this; click for more' : 'More like this; click for less',
        onclick: () => this.change(at, { weight: -part.weight }),
      },
      icon(less ? 'minus' : 'plus'),
    );
    const weight = h('input', {
      type: 'number',
      class: 'weight',
      min: '0.1',
      max: '10',
      step: '0.1',
      value: String(Math.abs(part.weight)),
      'data-focus': `weight${at}`,
      'aria-label': `Weight of ${name}`,
      title: 'Weight',
    });
    weight.addEventListener('change', () => {
      const size = Math.min(10, Math.max(0.1, Number(weight.value) || 1));
      this.change(at, { weight: less ? -size : size });
    });
    const drop = h(
      'button',
      {
        type: 'button',
        class: 'drop-part',
        'data-focus': `drop${at}`,
        'aria-label': `Remove ${name}`,
        onclick: () => this.removePart(at),
      },
      icon('close'),
    );
    const body = part.text !== undefined ? h('span', { class: 'said' }, part.text) : this.chipPicture(part, at, name);
    return h(
      'li',
      { class: `chip${less ? ' less' : ''}${at === this.chosen ? ' chosen' : ''}` },
      sign,
      body,
      h('span', { class: 'times', 'aria-hidden': 'true' }, '×'),
      weight,
      drop,
    );
  }

  /** @param {Part} part @param {number} at @param {string} name */
  chipPicture(part, at, name) {
    const source = api.partPicture(state().collection, part, 128);
    const show = () => {
      this.chosen = at;
      this.show(state());
    };
    return h(
      'button',
      {
        type: 'button',
        class: 'chip-picture',
        'data-focus': `show${at}`,
        'aria-label': `Show ${name}`,
        'aria-current': at === this.chosen,
        onclick: show,
      },
      h('img', { src: source, alt: '' }),
      part.region && icon('box'),
    );
  }

  /** @param {number} at */
  removePart(at) {
    this.ask(state().parts.filter((_, index) => index !== at));
    this.words.focus();
  }

  /** The chosen picture, large enough to draw a box on. @param {State} now */
  async showPicture(now) {
    const part = now.parts[this.chosen];
    const visible = Boolean(part) && now.view !== 'runs';
    this.picture.hidden = !visible;
    if (!part || !visible) {
      this.shown = '';
      return;
    }
    const key = `${now.collection} ${this.chosen} ${partText({ ...part, weight: 1, region: undefined })}`;
    if (this.shown === key) return this.editor?.setRegion(part.region);
    this.shown = key;
    const at = this.chosen;
    const [{ BoxEditor }, size] = await Promise.all([import('./box.js'), this.sizeOf(now.collection, part)]);
    if (this.shown !== key) return;
    this.editor = new BoxEditor({
      source: api.partPicture(now.collection, part),
      size,
      change: (region) => this.change(at, { region }),
      failed: () => this.gone(at),
    });
    this.editor.setRegion(state().parts[at]?.region);
    this.picture.replaceChildren(this.editor.element);
  }

  /** @param {number} at */
  gone(at) {
    if (state().parts[at]?.upload === undefined) return;
    toast('The server no longer has the picture of this query; drop it again.', 'wrong');
  }

  /**
   * The size of a picture of the collection, whose thumbnail is shown; a sent one tells it itself.
   * @param {string} collection @param {Part} part
   * @returns {Promise<[number, number] | undefined>}
   */
  async sizeOf(collection, part) {
    if (part.image === undefined) return undefined;
    const { width, height } = await api.image(collection, part.image).catch(() => ({ width: 0, height: 0 }));
    return width && height ? [width, height] : undefined;
  }
}
