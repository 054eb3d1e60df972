// Where things are: the program under test, the browser, what the tests write.

import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));

/** The root of the workspace. */
export const root = path.resolve(here, '../../../..');

/** Cargo's folder for what it makes. */
const target = process.env.CARGO_TARGET_DIR ?? path.join(root, 'target');

/** Where screenshots and scratch files go. */
export const output = path.join(target, 'page');

/** The program under test. */
export const program = process.env.VIZSLA_BIN ?? path.join(target, 'debug/vizsla');

/** Photographs that lie in the repository, each with its licence beside it. */
export const photographs = path.join(root, 'crates/cli/assets/photos');

/** A small network with random weights; enough to have a descriptor of whole pictures. */
export const network = path.join(root, 'crates/neural/tests/models/classifier.onnx');

const BROWSERS = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
];

/** The system's browser; without one Playwright looks for its own. */
export const chromium = process.env.VIZSLA_CHROMIUM ?? BROWSERS.find((one) => fs.existsSync(one));

/** @param {string} name */
export function screenshot(name) {
  return path.join(output, 'screenshots', `${name}.png`);
}
