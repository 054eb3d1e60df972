// A run of training as its folder looks, with made-up figures.

import fs from 'node:fs';
import path from 'node:path';

/**
 * @param {string} folder
 * @param {string} photos
 * @param {{ name: string, kind: string }[]} pictures
 * @param {number} lift How much better this run is.
 */
export function writeRun(folder, photos, pictures, lift) {
  fs.mkdirSync(folder, { recursive: true });
  const epochs = Array.from({ length: 12 }, (_, at) => at + 1);
  const loss = epochs.map((epoch) => [
    epoch,
    4,
    (1.1 / epoch - lift / 3 + 0.2).toFixed(5),
    '1e-3',
    (0.9 / epoch).toFixed(3),
    300,
    epoch * 2,
  ]);
  fs.writeFileSync(
    path.join(folder, 'log.csv'),
    ['epoch,step,loss,rate,active_share,images_per_second,seconds', ...loss.map((row) => row.join(',')), ''].join('\n'),
  );
  const map = epochs.map((epoch) => [
    epoch,
    (0.8 + lift - 0.5 / epoch).toFixed(4),
    (0.85 + lift - 0.5 / epoch).toFixed(4),
    (0.8 + lift - 0.5 / epoch).toFixed(4),
  ]);
  fs.writeFileSync(
    path.join(folder, 'validation.csv'),
    ['epoch,map,precision_at_1,precision_at_5', ...map.map((row) => row.join(',')), ''].join('\n'),
  );
  fs.writeFileSync(
    path.join(folder, 'run.toml'),
    `seed = 1\n[data]\nimages = "photos"\n[loss]\nkind = "triplet"\nmargin = ${lift || 0.3}\n`,
  );
  const file = (/** @type {string} */ name) => path.join(photos, `${name}.jpg`);
  const queries = pictures.slice(0, 6).map((query, number) => {
    const rest = pictures.filter((picture) => picture.name !== query.name);
    const order = lift ? [...rest].sort((a, b) => Number(b.kind === query.kind) - Number(a.kind === query.kind)) : rest;
    const ranked = order.slice(0, 10).map((picture, at) => ({
      image: file(picture.name),
      label: picture.kind,
      relevant: picture.kind === query.kind,
      score: 0.95 - at / 20,
    }));
    return {
      query: file(query.name),
      label: query.kind,
      average_precision: Math.min(1, 0.4 + lift * 3 + number / 20),
      relevant: rest.filter((picture) => picture.kind === query.kind).length,
      ranked,
    };
  });
  const figure = (/** @type {number} */ value) => ({ value, low: value - 0.03, high: value + 0.03 });
  const result = {
    format: 'vizsla-training-run',
    format_version: 1,
    name: path.basename(folder),
    dataset: photos,
    protocol: 'relevant: same class',
    loss: 'triplet',
    metrics: { map: figure(0.76 + lift), precision_at_1: figure(0.8 + lift), precision_at_5: figure(0.78 + lift) },
    best: { validation_map: 0.76 + lift, epoch: 12 },
    epochs: 12,
    seconds: 24,
    device: 'cpu',
    threads: 2,
    skipped: [],
    warnings: [],
    precision_recall: Array.from({ length: 11 }, (_, at) => [at / 10, 0.95 + lift / 3 - at / 25]),
    queries,
  };
  fs.writeFileSync(path.join(folder, 'result.json'), JSON.stringify(result));
}
