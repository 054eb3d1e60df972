// Where two pictures are alike, as small pictures to lay over them.

import { h } from './dom.js';

/** Stops of the scale: against (blue), nothing (clear), violet, orange, yellow. */
const STOPS = [
  [0, 0, 4],
  [107, 31, 122],
  [224, 89, 42],
  [253, 231, 37],
];

/** One small picture for each side, on a common scale; the browser smooths it when it is drawn large. @param {Heat} heat */
export function heatImages(heat) {
  const sides = [heat.query, heat.image];
  const most = Math.max(1e-9, ...sides.flatMap((side) => side.values.map(Math.abs)));
  return sides.map(({ rows, columns, values }) => {
    const canvas = h('canvas', { width: columns, height: rows });
    const pixels = new ImageData(columns, rows);
    for (const [at, value] of values.slice(0, rows * columns).entries()) {
      const share = Math.abs(value) / most;
      const [red, green, blue] = value < 0 ? [43, 111, 214] : ramp(share);
      pixels.data.set([red, green, blue, Math.round(40 + 190 * share)], at * 4);
    }
    canvas.getContext('2d')?.putImageData(pixels, 0, 0);
    return canvas;
  });
}

/** @param {number} share */
function ramp(share) {
  const at = Math.min(2, Math.floor(share * 3));
  const within = share * 3 - at;
  return STOPS[at].map((low, channel) => Math.round(low + (STOPS[at + 1][channel] - low) * within));
}
