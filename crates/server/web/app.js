// The page put together: who is asked what when the address changes, and what every part of it shares.
//
// What the first look needs is here and in the modules that are imported by name; the rest (details, maps, runs, taking
// pictures in) is loaded when somebody goes there.

import * as api from './api.js';
import { byId, h, icon, toast } from './dom.js';
import { addressOf, BLANK, followAddress, go, onState, state } from './state.js';
import { Compose } from './compose.js';
import { Facets } from './facets.js';
import { Results } from './results.js';

/** What the server said of itself at the start. */
class Desk {
  /** @type {Session} */
  session = {
    scope: 'none',
    token_needed: false,
    features: { ingest: false, upload: false, fetch: false, runs: false },
  };
  /** @type {CollectionInfo[]} */
  collections = [];

  /** The collection that is looked at. */
  collection() {
    return this.collections.find((one) => one.name === state().collection);
  }
}

const desk = new Desk();
const results = new Results(byId('main'), desk);
const compose = new Compose(byId('ask'), byId('picture'), desk);
const facets = new Facets(byId('filters'), desk);

/** A view that fills the main part, made when it is first gone to. @typedef {{ element: HTMLElement, show(now: State): void, hide(): void, forget(): void }} View */
/** @type {Partial<Record<ViewName, Promise<View>>>} */
const views = { pictures: Promise.resolve(results) };

/** @param {ViewName} name @returns {Promise<View>} */
function viewOf(name) {
  return (views[name] ??= (async () => {
    if (name === 'map') return new (await import('./map.js')).MapView(byId('main'), results);
    if (name === 'world') return new (await import('./world.js')).WorldView(byId('main'), results);
    return new (await import('./runs.js')).RunsView(byId('main'));
  })());
}

/** @param {State} now */
async function showView(now) {
  byId('body').classList.toggle('wide', now.view === 'runs');
  byId('ask').hidden = now.view === 'runs';
  try {
    const wanted = await viewOf(now.view);
    if (state().view !== now.view) return;
    for (const other of Object.values(views)) {
      const view = await other;
      if (view !== wanted) view.hide();
      view.element.hidden = view !== wanted;
    }
    wanted.show(state());
  } catch (error) {
    delete views[now.view];
    toast(`This view could not be loaded: ${error instanceof Error ? error.message : error}`, 'wrong');
  }
}

/** @type {import('./detail.js').Detail | undefined} */
let detail;

/** @param {State} now */
async function showDetail(now) {
  if (now.open === null && !detail) return;
  detail ??= new (await import('./detail.js')).Detail(results, desk);
  detail.show(state());
}

/** @param {State} now */
function showTop(now) {
  for (const link of byId('views').querySelectorAll('a')) {
    const view = /** @type {ViewName} */ (link.dataset.view);
    link.href = addressOf({ ...now, view, open: null });
    if (view === now.view) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
    if (view === 'runs') link.hidden = !desk.session.features.runs;
  }
  /** @type {HTMLAnchorElement} */ (byId('brand')).href = addressOf({ ...BLANK, collection: now.collection });
  /** @type {HTMLSelectElement} */ (byId('collection')).value = now.collection;
  const words = now.parts.find((part) => part.text !== undefined)?.text;
  document.title = [words, now.collection, 'Vizsla'].filter(Boolean).join(' · ');
}

function fillTop() {
  const chooser = /** @type {HTMLSelectElement} */ (byId('collection'));
  chooser.replaceChildren(
    ...desk.collections.map((one) => {
      const held = one.problem ? 'cannot be read' : one.images.toLocaleString('en');
      return h('option', { value: one.name }, `${one.name} (${held})`);
    }),
  );
  const { scope, token_needed: locked, features } = desk.session;
  const mayAdd = (features.ingest || features.upload) && (scope === 'write' || !locked);
  const add = h(
    'button',
    { type: 'button', id: 'add', onclick: openIngest },
    icon('plus'),
    h('span', {}, 'Add pictures'),
  );
  const out = h(
    'button',
    { type: 'button', class: 'quiet', onclick: signOut, 'aria-label': 'Sign out', title: 'Sign out' },
    icon('key'),
  );
  const help = h(
    'button',
    {
      type: 'button',
      class: 'quiet',
      id: 'help',
      onclick: openHelp,
      'aria-label': 'Keyboard and help',
      title: 'Keyboard and help (?)',
    },
    '?',
  );
  byId('tools').replaceChildren(
    ...[mayAdd && add, locked && scope !== 'none' && out, help].filter((one) => one instanceof Node),
  );
}

async function openIngest() {
  const { openIngest: open } = await import('./ingest.js');
  open(state().collection, desk.session, async () => {
    await refresh();
    facets.forget();
    for (const view of Object.values(views)) (await view).forget();
    render(state(), state());
  });
}

async function openHelp() {
  (await import('./help.js')).openHelp();
}

async function signOut() {
  await api.signOut();
  location.assign('/');
}

let asking = false;

/** Asks for the token; then everything begins again, at the same address. */
async function askForToken() {
  if (asking) return;
  asking = true;
  const { openSignIn } = await import('./signin.js');
  openSignIn(() => {
    asking = false;
    results.forget();
    facets.forget();
    start();
  });
}

async function refresh() {
  desk.session = await api.session();
  if (desk.session.token_needed && desk.session.scope === 'none') return askForToken();
  desk.collections = (await api.collections()).collections;
  fillTop();
}

/** @param {State} now @param {State} before */
function render(now, before) {
  if (!desk.collections.length) return;
  if (!desk.collection()) {
    const first = desk.collections[0].name;
    if (now.collection) toast(`There is no collection called ${now.collection} here; this is ${first}.`, 'wrong');
    return go({ ...BLANK, view: now.view, runs: now.runs, collection: first }, 'replace');
  }
  showTop(now);
  compose.show(now);
  if (now.view !== 'runs') facets.show(now);
  results.look(now);
  void showView(now);
  void showDetail(now);
  if (now.view !== before.view && now.open === null) window.scrollTo(0, 0);
}

async function start() {
  try {
    await refresh();
    if (desk.session.token_needed && desk.session.scope === 'none') return;
    if (!desk.collections.length)
      return results.complain(
        new api.Problem(0, 'No collection is open', 'Start the server with one: vizsla serve photos.vizsla'),
      );
    render(state(), state());
  } catch (error) {
    if (!(error instanceof api.Problem)) throw error;
    results.complain(error);
  }
}

/** Keys that work everywhere but in fields. @param {KeyboardEvent} event */
function shortcut(event) {
  const target = event.target instanceof HTMLElement ? event.target : null;
  const writing = target?.closest('input:not([type=range], [type=checkbox]), select, textarea');
  if (writing || event.ctrlKey || event.metaKey || event.altKey) return;
  const open = document.querySelector('dialog[open]');
  if (event.key === '?' && !open) void openHelp();
  else if (open) return;
  else if (event.key === '/') compose.focusWords();
  else if (event.key === 'u') compose.choose();
  else if (event.key === 'f') facets.focus();
  else if (event.key >= '1' && event.key <= '4') {
    const links = [...byId('views').querySelectorAll('a')].filter((link) => !link.hidden);
    links[Number(event.key) - 1]?.click();
  } else return;
  event.preventDefault();
}

document.addEventListener('keydown', shortcut);
byId('views').addEventListener('click', (event) => {
  const link = event.target instanceof Element ? event.target.closest('a') : null;
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  go({ view: /** @type {ViewName} */ (link.dataset.view), open: null });
});
byId('brand').addEventListener('click', (event) => {
  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  go({ ...BLANK, collection: state().collection });
});
byId('collection').addEventListener('change', (event) => {
  const { value } = /** @type {HTMLSelectElement} */ (event.target);
  // Words and uploaded pictures mean the same elsewhere; numbers of images and ticked values do not.
  const parts = state().parts.filter((part) => part.image === undefined);
  go({ ...BLANK, view: state().view, collection: value, parts });
});

api.onLocked(() => void askForToken());
onState(render);
followAddress();
void start();

/** @typedef {Desk} PageDesk */
