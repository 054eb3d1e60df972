// Training and evaluation runs beside each other: figures with their intervals, curves, and the same queries.

import * as api from './api.js';
import { counted, h, icon } from './dom.js';
import { lineChart, short } from './charts.js';
import { go, state } from './state.js';
import { COLOURS } from './view.js';

/** Queries shown side by side before more are asked for. */
const FIRST = 8;
/** Places of a list that are shown. */
const PLACES = 8;
const FIGURES = /** @type {Record<string, string>} */ ({ map: 'mAP', precision_at_1: 'P@1', precision_at_5: 'P@5' });

export class RunsView {
  /** @type {RunSummary[] | undefined} */
  summaries;
  /** @type {Map<string, Run>} */
  runs = new Map();
  more = 1;
  order = 'difference';

  /** @param {HTMLElement} main */
  constructor(main) {
    this.list = h('div', { class: 'run-list', role: 'group', 'aria-label': 'Runs to compare' });
    this.body = h('div', { class: 'run-body' });
    this.element = h(
      'section',
      { class: 'runs', 'aria-label': 'Runs' },
      h('div', { class: 'stack' }, h('h1', { class: 'unseen' }, 'Runs'), this.list),
      this.body,
    );
    main.append(this.element);
  }

  hide() {}

  /** Runs do not change with a collection. */
  forget() {}

  /** @param {State} now */
  async show(now) {
    try {
      this.summaries ??= (await api.runs()).runs;
      if (!this.summaries.length) {
        this.body.replaceChildren(
          h(
            'div',
            { class: 'notice' },
            h('h2', {}, 'No runs yet'),
            h(
              'p',
              {},
              'The folder given with --runs holds no run. “vizsla train run.toml --output runs/first” makes one.',
            ),
          ),
        );
        return;
      }
      if (!now.runs.length) return go({ runs: [this.summaries[0].name] }, 'replace');
      this.drawList(now);
      await Promise.all(
        now.runs.filter((name) => !this.runs.has(name)).map(async (name) => this.runs.set(name, await api.run(name))),
      );
      if (state().runs.join() === now.runs.join()) this.draw(now);
    } catch (error) {
      if (!(error instanceof api.Problem)) throw error;
      this.body.replaceChildren(
        h(
          'div',
          { class: 'notice', role: 'alert' },
          h('h2', {}, icon('warning'), error.title),
          h('p', {}, error.detail),
        ),
      );
    }
  }

  /** @param {State} now */
  drawList(now) {
    const active = document.activeElement instanceof HTMLElement ? document.activeElement.dataset.run : undefined;
    this.list.replaceChildren(
      ...(this.summaries ?? []).map((summary) => {
        const at = now.runs.indexOf(summary.name);
        const tick = h('input', { type: 'checkbox', checked: at >= 0, 'data-run': summary.name });
        tick.addEventListener('change', () =>
          go({
            runs: tick.checked ? [...state().runs, summary.name] : state().runs.filter((name) => name !== summary.name),
          }),
        );
        const map = figure(summary.metrics?.map);
        return h(
          'label',
          { style: at >= 0 ? { '--dot': COLOURS[at % 8] } : {} },
          tick,
          h('span', {}, summary.name),
          h('b', { title: 'mean average precision' }, map ? map.value.toFixed(3) : ''),
          h('small', {}, [summary.kind, summary.dataset].filter(Boolean).join(' · ')),
        );
      }),
    );
    for (const tick of this.list.querySelectorAll('input')) if (tick.dataset.run === active && active) tick.focus();
  }

  /** @param {State} now */
  draw(now) {
    const chosen = now.runs.flatMap((name) => this.runs.get(name) ?? []);
    const parts = [
      this.table(chosen),
      this.charts(chosen),
      this.side(chosen),
      ...chosen.map((run) => this.configuration(run)),
    ];
    this.body.replaceChildren(...parts.filter((part) => part instanceof Node));
  }

  /** @param {Run[]} runs */
  table(runs) {
    const names = [
      ...new Set(
        runs.flatMap((run) =>
          Object.entries(run.result?.metrics ?? {}).flatMap(([name, value]) => (figure(value) ? [name] : [])),
        ),
      ),
    ];
    const rows = runs.map((run, at) => {
      const { result } = run;
      const cells = names.map((name) => {
        const of = figure(result?.metrics?.[name]);
        return h(
          'td',
          {},
          of ? of.value.toFixed(3) : '–',
          of && of.high > of.low && h('small', {}, ` ${of.low.toFixed(3)} to ${of.high.toFixed(3)}`),
        );
      });
      const report =
        run.has_report && h('a', { href: api.runReport(run.name), target: '_blank', rel: 'noopener' }, 'Report');
      return h(
        'tr',
        {},
        h('td', {}, h('i', { class: 'dot', style: { '--dot': COLOURS[at % 8] } }), run.name),
        cells,
        h('td', {}, result?.loss ?? ''),
        h(
          'td',
          {},
          result?.epochs ? counted(result.epochs, 'epoch') : '',
          result?.seconds ? `, ${Math.round(result.seconds)} s` : '',
        ),
        h('td', {}, report),
      );
    });
    const head = h(
      'tr',
      {},
      h('th', { scope: 'col' }, 'Run'),
      names.map((name) => h('th', { scope: 'col' }, FIGURES[name] ?? name.replaceAll('_', ' '))),
      h('th', { scope: 'col' }, 'Loss'),
      h('th', { scope: 'col' }, 'Trained'),
      h('td', {}),
    );
    return h(
      'div',
      { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Figures' },
      h('table', {}, h('thead', {}, head), h('tbody', {}, rows)),
      h('p', { class: 'hint' }, 'Small: 95 % intervals.'),
    );
  }

  /** @param {Run[]} runs */
  charts(runs) {
    /** @param {(run: Run) => [number, number][]} of */
    const lines = (of) =>
      runs.map((run, number) => ({ name: run.name, dot: COLOURS[number % 8], number, points: of(run) }));
    /** @param {'log' | 'validation'} table @param {string} column @returns {(run: Run) => [number, number][]} */
    const column = (table, column) => (run) =>
      run[table].flatMap((row, at) => {
        const [x, y] = [Number(row.epoch ?? at + 1), row[column]];
        return y === null || y === undefined || y === '' || !Number.isFinite(Number(y))
          ? []
          : [/** @type {[number, number]} */ ([x, Number(y)])];
      });
    const charts = [
      lineChart({ title: 'Loss while training', x: 'epoch' }, lines(column('log', 'loss'))),
      lineChart({ title: 'Mean average precision on validation', x: 'epoch' }, lines(column('validation', 'map'))),
      lineChart(
        { title: 'Precision', x: 'recall', unit: true },
        lines((run) => run.result?.precision_recall ?? []),
      ),
      lineChart({ title: 'Share of active examples', x: 'epoch' }, lines(column('log', 'active_share'))),
    ].filter((chart) => chart !== null);
    return charts.length > 0 && h('div', { class: 'charts' }, charts);
  }

  /** The same queries for all runs. @param {Run[]} runs */
  side(runs) {
    const tables = runs.map((run) => new Map((run.result?.queries ?? []).map((query) => [query.query, query])));
    const common = [...(tables[0]?.keys() ?? [])].filter((query) => tables.every((table) => table.has(query)));
    if (!common.length) return null;
    /** @param {string} query */
    const precisions = (query) => tables.map((table) => table.get(query)?.average_precision ?? 0);
    /** @param {string} query */
    const rank = (query) => {
      const values = precisions(query);
      if (this.order === 'difference' && runs.length > 1) return -(Math.max(...values) - Math.min(...values));
      return this.order === 'best' ? -values[0] : values[0];
    };
    const sorted = common
      .map((query) => ({ query, at: rank(query) }))
      .sort((a, b) => a.at - b.at)
      .map((one) => one.query);
    const shown = sorted.slice(0, FIRST * this.more);
    const order = h(
      'select',
      { 'aria-label': 'Order of the queries' },
      [
        runs.length > 1 && ['difference', 'where runs differ most'],
        ['worst', 'worst first'],
        ['best', 'best first'],
      ].flatMap((pair) => (pair ? [h('option', { value: pair[0], selected: pair[0] === this.order }, pair[1])] : [])),
    );
    order.addEventListener('change', () => {
      this.order = order.value;
      this.draw(state());
    });
    const more =
      shown.length < sorted.length && h('button', { type: 'button', onclick: () => this.unfold() }, 'More queries');
    return h(
      'section',
      { class: 'stack', 'aria-label': 'The same queries' },
      h(
        'div',
        { class: 'chart-top' },
        h('h2', { class: 'line' }, `The same ${counted(common.length, 'query', 'queries')}`),
        order,
      ),
      h(
        'div',
        { class: 'queries' },
        shown.map((query) => this.query(runs, tables, query)),
      ),
      more,
    );
  }

  unfold() {
    this.more += 1;
    this.draw(state());
  }

  /** @param {Run[]} runs @param {Map<string, RunQuery>[]} tables @param {string} name */
  query(runs, tables, name) {
    const first = tables[0].get(name);
    const lists = runs.map((run, at) => {
      const query = tables[at].get(name);
      const strip = (query?.ranked ?? [])
        .slice(0, PLACES)
        .map((one) =>
          h(
            'li',
            { class: one.relevant ? 'yes' : 'no' },
            shown(
              run.name,
              one.image,
              `${one.relevant ? 'relevant' : 'not relevant'}: ${one.label ?? ''} ${tail(one.image)}, ${short(one.score)}`,
            ),
          ),
        );
      return h(
        'div',
        { class: 'list-of-run' },
        h(
          'span',
          {},
          h('i', { class: 'dot', style: { '--dot': COLOURS[at % 8] } }),
          `${run.name} `,
          h('b', {}, (query?.average_precision ?? 0).toFixed(2)),
        ),
        h('ul', { class: 'strip', tabindex: '0', 'aria-label': `Best of ${run.name}` }, strip),
      );
    });
    return h(
      'article',
      { class: 'query' },
      h(
        'figure',
        {},
        shown(runs[0].name, name, `Query ${tail(name)}`),
        h('figcaption', {}, first?.label ?? tail(name)),
      ),
      h('div', { class: 'lists' }, lists),
    );
  }

  /** @param {Run} run */
  configuration(run) {
    return run.config
      ? h(
          'details',
          {},
          h('summary', {}, `Settings of ${run.name}`),
          h('pre', { tabindex: '0', class: 'scroll' }, run.config),
        )
      : null;
  }
}

/** A picture of a run, or its name where it is none. @param {string} run @param {string} file @param {string} text */
function shown(run, file, text) {
  if (!/\.(jpe?g|png|webp|gif|bmp|tiff?|p[bgnp]m)$/i.test(file)) return h('span', { class: 'name', title: text }, file);
  const image = h('img', { src: api.runPicture(run, file), alt: text, title: text, loading: 'lazy' });
  image.addEventListener('error', () => image.replaceWith(h('span', { class: 'name', title: text }, tail(file))), {
    once: true,
  });
  return image;
}

/** @param {string} path */
function tail(path) {
  return path.split('/').at(-1) ?? path;
}

/** A number, or one with its interval; what else a run may say of itself is no figure. @param {unknown} value @returns {Figure | undefined} */
function figure(value) {
  if (typeof value === 'number') return { value, low: value, high: value };
  const one = /** @type {Partial<Figure> | null | undefined} */ (value);
  return typeof one?.value === 'number'
    ? { value: one.value, low: one.low ?? one.value, high: one.high ?? one.value }
    : undefined;
}
