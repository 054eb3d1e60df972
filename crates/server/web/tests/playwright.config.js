// Browser tests of the page against the real server: `cargo xtask test` runs them, or by hand, after any build of the
// program, `VIZSLA_BIN=…/debug/vizsla npm test` in the folder above.

import path from 'node:path';
import { defineConfig } from '@playwright/test';
import { chromium, output } from './places.js';

export default defineConfig({
  testDir: '.',
  testMatch: '*.test.js',
  globalSetup: './setup.js',
  outputDir: path.join(output, 'failures'),
  // Two browsers and a server keep two cores busy.
  workers: 2,
  fullyParallel: true,
  timeout: 30_000,
  globalTimeout: 170_000,
  expect: { timeout: 12_000 },
  reporter: [['list']],
  use: {
    viewport: { width: 1280, height: 800 },
    launchOptions: { executablePath: chromium, args: process.getuid?.() === 0 ? ['--no-sandbox'] : [] },
    reducedMotion: 'reduce',
    screenshot: 'only-on-failure',
  },
});
