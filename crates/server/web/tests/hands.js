// What a person does, for the tests.

import fs from 'node:fs';
import path from 'node:path';
import { expect } from '@playwright/test';
import { output } from './places.js';

/** @typedef {import('@playwright/test').Page} Page */
/** @typedef {import('@playwright/test').Locator} Locator */

/** @param {Page} page @param {string} [query] */
export async function open(page, query = '?c=photos') {
  await page.goto(`${process.env.VIZSLA_PAGE}/${query}`);
  await expect(page.locator('#collection')).toHaveValue(/./);
}

/** @param {Page} page */
export const tiles = (page) => page.locator('.tile');

/** The picture of the first result. @param {Page} page */
export const first = (page) => page.locator('.tile img').first();

/** @param {string} name */
export const viewOf = (name) => path.join(output, 'views', `${name}.jpg`);

/** @param {Page} page @param {string} name */
export async function choose(page, name) {
  await page.locator('#file').setInputFiles(viewOf(name));
  await expect(page.locator('.chip-picture')).not.toHaveCount(0);
}

/** Drops or pastes a view of a photograph. @param {Page} page @param {'drop' | 'paste'} how @param {string} name */
export async function bring(page, how, name) {
  const bytes = fs.readFileSync(viewOf(name)).toString('base64');
  await page.evaluate(
    ({ how, bytes }) => {
      const data = new DataTransfer();
      data.items.add(
        new File([Uint8Array.from(atob(bytes), (sign) => sign.charCodeAt(0))], 'view.jpg', { type: 'image/jpeg' }),
      );
      if (how === 'drop')
        document.body.dispatchEvent(new DragEvent('dragenter', { dataTransfer: data, bubbles: true }));
      const event =
        how === 'drop'
          ? new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true })
          : new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true });
      document.body.dispatchEvent(event);
    },
    { how, bytes },
  );
}

/** Drags within an element, in shares of its sides. @param {Page} page @param {Locator} on @param {[number, number]} from @param {[number, number]} to */
export async function drag(page, on, from, to) {
  const box = await on.boundingBox();
  if (!box) throw new Error('what is dragged is not on the screen');
  await page.mouse.move(box.x + box.width * from[0], box.y + box.height * from[1]);
  await page.mouse.down();
  for (const share of [0.3, 0.7, 1])
    await page.mouse.move(
      box.x + box.width * (from[0] + (to[0] - from[0]) * share),
      box.y + box.height * (from[1] + (to[1] - from[1]) * share),
    );
  await page.mouse.up();
}
