// Makes collections of a few photographs, a folder of runs and views of the photographs to ask with, and starts two
// servers: an open one, and one that wants a token.

import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { chromium as browsers } from '@playwright/test';
import { chromium, network, output, photographs, program } from './places.js';
import { writeRun } from './runs.js';

export const TOKEN = 'a-token-for-the-tests-of-the-page';

/** Name, what it shows, kind, rating, north, east: the kinds and places are the tests' own where the photograph tells none. */
const PICTURES = /** @type {[string, string, string, number, number?, number?][]} */ ([
  ['astronaut', 'An astronaut in an orange suit before a flag', 'people', 5, 29.55, -95.09],
  ['photographer', 'A photographer with a tripod on a lawn', 'people', 3, 42.36, -71.09],
  ['tabby-cat', 'A tabby cat looks into the camera', 'animals', 5, 59.33, 18.07],
  ['raccoon', 'A raccoon among leaves', 'animals', 4, 45.42, -75.7],
  ['honey-bee', 'A honey bee on a purple flower', 'animals', 4, -33.87, 151.21],
  ['dandelion', 'A dandelion clock in a meadow', 'plants', 3, 48.14, 11.58],
  ['grass', 'Green grass', 'plants', 1],
  ['rocket', 'A rocket on its launch pad before sunrise', 'machines', 5, 28.56, -80.58],
  ['bridge', 'A suspension bridge over a river at night', 'machines', 4, 39.09, -84.51],
  ['coffee', 'A cup of espresso with a spoon', 'things', 4, 47.5, 19.04],
  ['coins', 'Rows of old coins', 'things', 2, 40.75, 14.49],
  ['brick', 'A wall of red bricks', 'things', 1],
  ['gravel', 'Grey gravel', 'things', 1],
  ['citrus-left', 'Slices of orange and lemon', 'plants', 3, 36.72, -4.42],
  ['handwriting', 'Formulas written on a page', 'things', 2],
  ['hubble-left', 'Galaxies in deep space', 'space', 5],
  ['ascent', 'An outdoor staircase', 'things', 3, 35.01, 135.77],
]);

/** @param {string[]} words @param {Record<string, string>} variables */
function run(words, variables) {
  const { status, stdout, stderr } = spawnSync(program, words, {
    env: { ...process.env, ...variables },
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`vizsla ${words.join(' ')} ended with ${status}\n${stdout}\n${stderr}`);
}

/** @param {string} folder */
function writeTables(folder) {
  const captions = PICTURES.map(([name, caption]) => `${name}.jpg,${caption}`);
  fs.writeFileSync(path.join(folder, 'captions.csv'), ['image,caption', ...captions, ''].join('\n'));
  const rows = PICTURES.map(
    ([name, , kind, rating, north, east]) => `${name}.jpg,${kind},${rating},${north ?? ''},${east ?? ''}`,
  );
  fs.writeFileSync(
    path.join(folder, 'metadata.csv'),
    ['image,label,rating,latitude,longitude', ...rows, ''].join('\n'),
  );
}

/**
 * A view of a photograph, as of a print on a table: turned, smaller, on a ground of another colour.
 * @param {import('@playwright/test').Page} page
 * @param {string} name
 * @param {number} turn Degrees.
 * @param {string} ground
 * @param {boolean} [mirrored]
 */
async function view(page, name, turn, ground, mirrored = false) {
  const bytes = fs.readFileSync(path.join(photographs, `${name}.jpg`)).toString('base64');
  const drawn = await page.evaluate(
    async ({ bytes, turn, ground, mirrored }) => {
      const image = new Image();
      image.src = `data:image/jpeg;base64,${bytes}`;
      await image.decode();
      const canvas = document.createElement('canvas');
      canvas.width = 640;
      canvas.height = 480;
      const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
      context.fillStyle = ground;
      context.fillRect(0, 0, 640, 480);
      context.translate(335, 240);
      context.rotate((turn * Math.PI) / 180);
      context.transform(1, 0.04, 0.08, 1, 0, 0);
      if (mirrored) context.scale(-1, 1);
      const scale = Math.min(400 / image.naturalWidth, 340 / image.naturalHeight);
      context.fillStyle = '#fbfaf7';
      context.fillRect(
        (-image.naturalWidth / 2) * scale - 12,
        (-image.naturalHeight / 2) * scale - 12,
        image.naturalWidth * scale + 24,
        image.naturalHeight * scale + 24,
      );
      context.scale(scale, scale);
      context.drawImage(image, -image.naturalWidth / 2, -image.naturalHeight / 2);
      return canvas.toDataURL('image/jpeg', 0.9).split(',')[1];
    },
    { bytes, turn, ground, mirrored },
  );
  fs.writeFileSync(path.join(output, 'views', `${name}${mirrored ? '-mirrored' : ''}.jpg`), Buffer.from(drawn, 'base64'));
}

async function makeViews() {
  const browser = await browsers.launch({
    executablePath: chromium,
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
  const page = await browser.newPage();
  await view(page, 'rocket', 8, '#7a5a3c');
  await view(page, 'coffee', -12, '#4a5d52');
  await view(page, 'bridge', 5, '#5b5566');
  await view(page, 'coffee', 6, '#54605a', true);
  await browser.close();
}

/**
 * @param {string[]} words
 * @param {Record<string, string>} variables
 * @returns {Promise<{ address: string, stop: () => void }>}
 */
function serve(words, variables) {
  const child = spawn(program, ['serve', ...words, '--listen', '127.0.0.1:0', '--queue', '256'], {
    env: { ...process.env, ...variables },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return new Promise((resolve, reject) => {
    let said = '';
    child.stdout.on('data', (piece) => {
      said += piece;
      const address = /http:\/\/[\d.:]+/.exec(said)?.[0];
      if (address) resolve({ address, stop: () => child.kill('SIGINT') });
    });
    child.on('exit', (code) => reject(new Error(`the server ended with ${code} before it listened: ${said}`)));
  });
}

export default async function setup() {
  if (!fs.existsSync(program))
    throw new Error(`there is no ${program}: build it first (cargo xtask test does), or name another with VIZSLA_BIN`);
  fs.rmSync(output, { recursive: true, force: true });
  for (const folder of ['photos', 'views', 'runs', 'screenshots', 'incoming', 'uploads'])
    fs.mkdirSync(path.join(output, folder), { recursive: true });
  for (const [name] of PICTURES)
    fs.copyFileSync(path.join(photographs, `${name}.jpg`), path.join(output, 'photos', `${name}.jpg`));
  fs.copyFileSync(path.join(photographs, 'retina.jpg'), path.join(output, 'incoming', 'retina.jpg'));
  fs.writeFileSync(
    path.join(output, 'incoming', 'broken.jpg'),
    fs.readFileSync(path.join(photographs, 'tissue.jpg')).subarray(0, 900),
  );
  writeTables(output);
  for (const [name, lift] of /** @type {[string, number][]} */ ([
    ['first', 0],
    ['second', 0.12],
  ]))
    writeRun(
      path.join(output, 'runs', name),
      path.join(output, 'photos'),
      PICTURES.map(([name, , kind]) => ({ name, kind })),
      lift,
    );
  const variables = {
    VIZSLA_MODELS: path.join(output, 'models'),
    VIZSLA_RUNTIME: 'rten',
    VIZSLA_TOKEN: '',
    VIZSLA_READ_TOKEN: '',
  };
  fs.copyFileSync(network, path.join(output, 'net.onnx'));
  run(
    [
      'models',
      'add',
      path.join(output, 'net.onnx'),
      '--id',
      'net',
      '--preset',
      'keras',
      '--pooling',
      'spoc',
      '--side',
      '96',
    ],
    variables,
  );
  const place = (/** @type {string} */ name) => path.join(output, `${name}.vizsla`);
  run(
    [
      'index',
      path.join(output, 'photos'),
      '--into',
      place('photos'),
      '--encoder',
      'net',
      '--captions',
      path.join(output, 'captions.csv'),
      '--metadata',
      path.join(output, 'metadata.csv'),
    ],
    variables,
  );
  run(['index', path.join(output, 'photos', 'coins.jpg'), '--into', place('growing')], variables);
  await makeViews();
  const open = await serve(
    [
      place('photos'),
      place('growing'),
      '--ingest-root',
      path.join(output, 'incoming'),
      '--upload-dir',
      path.join(output, 'uploads'),
      '--runs',
      path.join(output, 'runs'),
    ],
    variables,
  );
  const locked = await serve([place('photos')], { ...variables, VIZSLA_TOKEN: TOKEN });
  process.env.VIZSLA_PAGE = open.address;
  process.env.VIZSLA_LOCKED_PAGE = locked.address;
  return () => {
    open.stop();
    locked.stop();
  };
}
