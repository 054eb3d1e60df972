// Makes the picture of the page that docs/page.md shows, from photographs of this repository:
// `VIZSLA_BIN=…/vizsla node tests/portrait.js`.

import path from 'node:path';
import { chromium as browsers } from '@playwright/test';
import { viewOf } from './hands.js';
import { chromium, root } from './places.js';
import setup from './setup.js';

const stop = await setup();
const browser = await browsers.launch({
  executablePath: chromium,
  args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
});
const page = await browser.newPage({ viewport: { width: 1280, height: 860 } });
await page.goto(`${process.env.VIZSLA_PAGE}/?c=photos`);
await page.locator('#file').setInputFiles(viewOf('coffee'));
await page.locator('.line', { hasText: 'verified match' }).waitFor();
await page.waitForLoadState('networkidle');
await page.screenshot({ path: path.join(root, 'docs/images/page.jpg'), type: 'jpeg', quality: 82 });
await browser.close();
stop();
