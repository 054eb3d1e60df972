// Elements, icons, spoken remarks: the few things that every part of the page needs of the document.

/**
 * @typedef {Node | string | number | null | undefined | false} Child
 */

/**
 * Makes an element. Properties named `on…` are listeners, `style` is an object of style properties, and `false`,
 * `null` and `undefined` leave an attribute out.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, unknown>} [properties]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  decorate(element, properties);
  element.append(...kept(children));
  return element;
}

/**
 * The same for elements of a drawing.
 * @template {keyof SVGElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, unknown>} [properties]
 * @param {...(Child | Child[])} children
 * @returns {SVGElementTagNameMap[K]}
 */
export function svg(tag, properties = {}, ...children) {
  const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
  decorate(element, properties);
  element.append(...kept(children));
  return element;
}

/** @param {(Child | Child[])[]} children */
function kept(children) {
  /** @type {(Node | string)[]} */
  const list = [];
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    list.push(typeof child === 'number' ? String(child) : child);
  }
  return list;
}

/**
 * @param {HTMLElement | SVGElement} element
 * @param {Record<string, unknown>} properties
 */
function decorate(element, properties) {
  for (const [name, value] of Object.entries(properties)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith('on') && typeof value === 'function') {
      element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    } else if (name === 'style') {
      for (const [key, text] of Object.entries(/** @type {Record<string, unknown>} */ (value))) {
        element.style.setProperty(key, String(text));
      }
    } else {
      element.setAttribute(name, value === true ? '' : String(value));
    }
  }
}

/**
 * The element with an id; the page cannot work without it.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no element called ${id}`);
  return element;
}

const ICONS = {
  picture: 'M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.500 9h.01',
  search: 'M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM20 20l-4-4',
  plus: 'M12 5v14M5 12h14',
  minus: 'M5 12h14',
  close: 'M6 6l12 12M18 6L6 18',
  check: 'M5 13l4 4L19 7',
  left: 'M15 5l-7 7 7 7',
  right: 'M9 5l7 7-7 7',
  fit: 'M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5',
  lasso: 'M12 5c5 0 9 2.500 9 6s-4 6-9 6-9-2.500-9-6 4-6 9-6zM7 16c-2 1-2 4 1 4',
  file: 'M14 3H6v18h12V7zM14 3v4h4',
  warning: 'M12 4l9 16H3zM12 10v4M12 17h.01',
  key: 'M14 4a5 5 0 1 1-3.500 8.500L4 19v2h3v-2h2v-2h2l1-1.500M16 8h.01',
  box: 'M5 5h3M11 5h2M16 5h3v3M19 11v2M19 16v3h-3M13 19h-2M8 19H5v-3M5 13v-2M5 8V5',
  folder: 'M3 6h6l2 2h10v11H3z',
  words: 'M5 6h14M5 12h14M5 18h8',
};

/**
 * A small drawing that says nothing to a screen reader.
 * @param {keyof typeof ICONS} name
 */
export function icon(name) {
  return svg('svg', { class: 'icon', viewBox: '0 0 24 24', 'aria-hidden': 'true' }, svg('path', { d: ICONS[name] }));
}

/**
 * Replaces what is in `container` and gives the focus back to the element with the same `data-focus`.
 * @param {HTMLElement} container
 * @param {Child[]} children
 */
export function refill(container, children) {
  const active = document.activeElement;
  const key = active instanceof HTMLElement && container.contains(active) ? active.dataset.focus : undefined;
  container.replaceChildren(...kept([children]));
  if (key === undefined) return;
  for (const element of container.querySelectorAll('[data-focus]')) {
    if (element instanceof HTMLElement && element.dataset.focus === key) return element.focus({ preventScroll: true });
  }
}

/**
 * A message of the server: its first line, and below it what points at a column, in letters of one width.
 * @param {string} detail
 */
export function told(detail) {
  const [first, ...rest] = detail.split('\n');
  return [first, rest.length > 0 && h('pre', { class: 'pointed' }, rest.join('\n'))];
}

/** @param {string} text What a screen reader shall say when it is free to. */
export function announce(text) {
  byId('spoken').textContent = text;
}

/** @type {number | undefined} */
let fading;

/**
 * A remark at the lower edge that goes away by itself.
 * @param {string} text
 * @param {'plain' | 'wrong'} [kind]
 */
export function toast(text, kind = 'plain') {
  const place = byId('toast');
  place.replaceChildren(h('p', { class: kind }, kind === 'wrong' && icon('warning'), text));
  // A modal dialog is above everything else, except for what is shown as a popover after it.
  if (place.matches(':popover-open')) place.hidePopover();
  place.showPopover();
  clearTimeout(fading);
  fading = window.setTimeout(() => place.hidePopover(), kind === 'wrong' ? 9000 : 4000);
}

/**
 * A window above the page that keeps the keyboard until it is closed.
 * @param {string} name Its class.
 * @param {string} title
 * @param {Child[]} children
 * @param {() => void} [closed]
 */
export function dialog(name, title, children, closed) {
  const heading = `${name}-title`;
  const close = h('button', { type: 'button', class: 'quiet', 'aria-label': 'Close' }, icon('close'));
  const element = h(
    'dialog',
    { class: name, 'aria-labelledby': heading },
    h('div', { class: 'dialog-top' }, h('h2', { id: heading }, title), close),
    children,
  );
  close.addEventListener('click', () => element.close());
  element.addEventListener('click', (event) => {
    if (event.target === element) element.close();
  });
  element.addEventListener('close', () => {
    element.remove();
    closed?.();
  });
  document.body.append(element);
  element.showModal();
  return element;
}

/** @param {number} count @param {string} one @param {string} [many] */
export function counted(count, one, many = `${one}s`) {
  return `${count.toLocaleString('en')} ${count === 1 ? one : many}`;
}

/** @param {number} ms */
export function duration(ms) {
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

/**
 * Runs `what` when nothing has asked for it for a while.
 * @param {() => void} what
 * @param {number} ms
 */
export function settled(what, ms) {
  /** @type {number | undefined} */
  let waiting;
  return () => {
    clearTimeout(waiting);
    waiting = window.setTimeout(what, ms);
  };
}
