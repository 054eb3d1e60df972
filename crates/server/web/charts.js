// Line charts of a few runs: drawn as elements, so that they take the colours of the page.

import { h, svg } from './dom.js';

const WIDTH = 380;
const HEIGHT = 220;
const [LEFT, TOP, RIGHT, BOTTOM] = [42, 8, 10, 26];
/** After the colours come the dashes. */
const DASHES = ['', '7 4', '2 3'];

/** @typedef {{ name: string, dot: string, number: number, points: [number, number][] }} Line */

/**
 * @param {{ title: string, x: string, unit?: boolean }} chart `unit`: both axes go from 0 to 1.
 * @param {Line[]} lines
 */
export function lineChart(chart, lines) {
  const drawn = lines.filter((line) => line.points.length > 0);
  if (!drawn.length) return null;
  const xs = drawn.flatMap((line) => line.points.map((point) => point[0]));
  const ys = drawn.flatMap((line) => line.points.map((point) => point[1]));
  const [x0, x1] = chart.unit ? [0, 1] : [Math.min(...xs), Math.max(...xs)];
  const yTicks = chart.unit ? ticks(0, 1) : ticks(Math.min(...ys), Math.max(...ys));
  const [y0, y1] = [yTicks[0], yTicks[yTicks.length - 1]];
  const px = (/** @type {number} */ x) => LEFT + ((x - x0) / (x1 - x0 || 1)) * (WIDTH - LEFT - RIGHT);
  const py = (/** @type {number} */ y) => HEIGHT - BOTTOM - ((y - y0) / (y1 - y0 || 1)) * (HEIGHT - TOP - BOTTOM);
  const rows = yTicks
    .map((y) => [
      svg('line', { class: 'grid-line', x1: LEFT, x2: WIDTH - RIGHT, y1: py(y), y2: py(y) }),
      svg('text', { x: LEFT - 7, y: py(y) + 4, 'text-anchor': 'end' }, short(y)),
    ])
    .flat();
  const columns = ticks(x0, x1)
    .filter((x) => x >= x0 && x <= x1)
    .map((x) => svg('text', { x: px(x), y: HEIGHT - 9, 'text-anchor': 'middle' }, short(x)));
  const paths = drawn.map((line) => {
    const d = line.points.map(([x, y], at) => `${at ? 'L' : 'M'}${px(x).toFixed(1)} ${py(y).toFixed(1)}`).join('');
    const dots =
      line.points.length <= 40
        ? line.points.map(([x, y]) =>
            svg(
              'circle',
              { cx: px(x), cy: py(y), r: 2 },
              svg('title', {}, `${line.name}: ${short(y)} at ${chart.x} ${short(x)}`),
            ),
          )
        : [];
    return svg(
      'g',
      { style: { '--dot': line.dot } },
      svg('path', { d, 'stroke-dasharray': DASHES[Math.floor(line.number / 8) % 3] }),
      dots,
    );
  });
  const said = drawn
    .map((line) => `${line.name}: from ${short(line.points[0][1])} to ${short(line.points[line.points.length - 1][1])}`)
    .join('; ');
  const label = svg('text', { x: WIDTH - RIGHT, y: HEIGHT - 9, 'text-anchor': 'end' }, chart.x);
  return h(
    'figure',
    { class: 'chart' },
    h('figcaption', {}, chart.title),
    svg(
      'svg',
      { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': `${chart.title} over ${chart.x}. ${said}` },
      rows,
      columns.slice(0, -1),
      label,
      paths,
    ),
  );
}

/** Round numbers that enclose a span. @param {number} low @param {number} high */
function ticks(low, high) {
  const span = high - low || Math.abs(high) || 1;
  const rough = span / 4;
  const ten = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * ten).find((size) => size >= rough) ?? rough;
  const first = Math.floor(low / step + 1e-9) * step;
  const count = Math.max(1, Math.ceil((high - first) / step - 1e-9));
  return Array.from({ length: count + 1 }, (_, at) => Number((first + at * step).toPrecision(10)));
}

/** @param {number} value */
export function short(value) {
  return Number(value.toPrecision(3)).toLocaleString('en', { maximumFractionDigits: 4 });
}
