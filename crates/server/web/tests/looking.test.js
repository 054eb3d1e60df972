// Looking: the cut-off, filters, details, the maps, runs.

import { expect, test } from '@playwright/test';
import { screenshot } from './places.js';
import { choose, first, open, tiles } from './hands.js';

test('the cut-off leaves what is above it and says how many', async ({ page }) => {
  await open(page);
  await choose(page, 'rocket');
  await expect(first(page)).toHaveAttribute('alt', /rocket/);
  const all = await tiles(page).count();
  expect(all).toBeGreaterThan(3);
  await page.getByLabel('Cut-off').press('Home');
  await expect(tiles(page)).toHaveCount(1);
  await expect(page.locator('.left')).toContainText('1 left, ≥');
  await expect(page).toHaveURL(/min=/);
  await page.getByLabel('Cut-off').press('End');
  await expect(tiles(page)).toHaveCount(all);
  await page.getByLabel('Matches only').check();
  await expect(tiles(page)).toHaveCount(1);
  await expect(page).toHaveURL(/only=matches/);
});

test('ticks, spans and a typed condition narrow the collection', async ({ page }) => {
  await open(page);
  await expect(tiles(page)).toHaveCount(17);
  await page.getByLabel(/^animals/).check();
  await expect(tiles(page)).toHaveCount(3);
  await page.getByLabel(/^people/).check();
  await expect(tiles(page)).toHaveCount(5);
  await page.getByRole('button', { name: 'Remove the filter label: people' }).click();
  await expect(tiles(page)).toHaveCount(3);
  await page.getByLabel('Condition').fill('rating > 4');
  await page.keyboard.press('Enter');
  await expect(tiles(page)).toHaveCount(1);
  await page.getByLabel('Condition').fill('rating >');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('alert').first()).toBeVisible();
  await page.screenshot({ path: screenshot('filters') });
});

test('the details show lines, heat, shares and times; keys go through the results', async ({ page }) => {
  await open(page);
  await choose(page, 'rocket');
  await expect(first(page)).toHaveAttribute('alt', /rocket\.jpg verified/);
  await tiles(page).first().locator('a').click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.locator('.stage-note')).toContainText(/\d+ places seen in both pictures/);
  await expect(dialog).toContainText('match');
  await expect(dialog).toContainText('Visual words');
  await expect(dialog).toContainText('verify');
  await expect(dialog).toContainText('Time of each stage');
  await page.screenshot({ path: screenshot('detail') });
  const canvas = dialog.locator('canvas');
  const lines = await pixels(page);
  await dialog.getByRole('button', { name: 'Pictures only' }).click();
  const bare = await pixels(page);
  expect(different(lines, bare)).toBeGreaterThan(150);
  await canvas.press('+');
  await canvas.press('ArrowLeft');
  expect(different(await pixels(page), bare)).toBeGreaterThan(150);
  await dialog.getByRole('button', { name: 'Heat map' }).click();
  await expect(dialog.locator('.stage-note')).toContainText(/similarity -?\d/);
  await page.screenshot({ path: screenshot('heat') });
  await dialog.getByRole('button', { name: 'The next result' }).click();
  await expect(dialog.getByRole('heading').first()).toContainText('2 of');
  await page.keyboard.press('Escape');
  await expect(dialog).toHaveCount(0);
  await expect(tiles(page).nth(1).locator('a')).toBeFocused();
});

test('a mirror image is found where it is asked for, and said to be one', async ({ page }) => {
  await open(page);
  await expect(page.getByLabel('Mirrored too')).toBeHidden();
  await choose(page, 'coffee-mirrored');
  await expect(tiles(page).first()).toBeVisible();
  await expect(page.locator('.tile img[alt*="verified"]')).toHaveCount(0);
  await page.getByLabel('Mirrored too').check();
  await expect(first(page)).toHaveAttribute('alt', /coffee\.jpg verified/);
  await expect(page).toHaveURL(/also=mirrored/);
  await tiles(page).first().locator('a').click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.locator('.stage-note')).toContainText(/\d+ places seen in both pictures, one of them mirrored/);
  await expect(dialog).toContainText('It is the mirror image that agrees');
  await page.screenshot({ path: screenshot('mirrored') });
});

test('lines end where the server says, on both pictures', async ({ page }) => {
  // The corners of both pictures, which have other sizes and proportions than each other.
  const pairs = [
    [0, 0, 0, 0],
    [640, 480, 640, 427],
  ];
  const matches = { query_size: [640, 480], size: [640, 427], transform: null, inliers: 2, pairs };
  await page.route('**/explain', (route) => route.fulfill({ json: matches }));
  await open(page);
  await choose(page, 'rocket');
  await expect(first(page)).toHaveAttribute('alt', /rocket\.jpg verified/);
  await tiles(page).first().locator('a').click();
  await expect(page.locator('.stage-note')).toContainText('2 places');
  const lines = await inked(page);
  await page.getByRole('button', { name: 'Pictures only' }).click();
  const bare = await inked(page);
  // The rings of the two corners stand out of the pictures by their radius, and nothing else does.
  for (const [at, sign] of [-1, -1, 1, 1].entries()) {
    const beyond = (lines[at] - bare[at]) * sign;
    expect(beyond).toBeGreaterThanOrEqual(2);
    expect(beyond).toBeLessThanOrEqual(5);
  }
});

/** Left, top, right and bottom of what is drawn. @param {import('@playwright/test').Page} page */
function inked(page) {
  return page.locator('.stage canvas').evaluate((one) => {
    const canvas = /** @type {HTMLCanvasElement} */ (one);
    const { width, height } = canvas;
    const { data } = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d')).getImageData(
      0,
      0,
      width,
      height,
    );
    const found = [width, height, 0, 0];
    for (let at = 3; at < data.length; at += 4) {
      if (data[at] < 60) continue;
      const [x, y] = [((at - 3) / 4) % width, Math.floor((at - 3) / 4 / width)];
      found[0] = Math.min(found[0], x);
      found[1] = Math.min(found[1], y);
      found[2] = Math.max(found[2], x);
      found[3] = Math.max(found[3], y);
    }
    return found;
  });
}

test('a picture compared with itself has level lines between the same places', async ({ page }) => {
  await open(page, '?c=photos&p=image:1');
  await expect(first(page)).toHaveAttribute('alt', /verified/);
  const asked = page.waitForResponse('**/explain');
  await tiles(page).first().locator('a').click();
  const { size, query_size, pairs } = await (await asked).json();
  expect(query_size).toEqual(size);
  expect(pairs.length).toBeGreaterThan(100);
  for (const [x1, y1, x2, y2] of pairs) {
    expect(Math.hypot(x1 - x2, y1 - y2)).toBeLessThan(3);
    expect(x2 >= 0 && y2 >= 0 && x2 <= size[0] && y2 <= size[1]).toBe(true);
  }
});

/** @param {number[]} a @param {number[]} b */
function different(a, b) {
  return a.filter((value, at) => Math.abs(value - b[at]) > 40).length;
}

/** The red of every eleventh point of the drawing. @param {import('@playwright/test').Page} page */
function pixels(page) {
  return page.locator('.stage canvas').evaluate((one) => {
    const canvas = /** @type {HTMLCanvasElement} */ (one);
    const { data } = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d')).getImageData(
      0,
      0,
      canvas.width,
      canvas.height,
    );
    return Array.from({ length: Math.floor(data.length / 44) }, (_, at) => data[at * 44]);
  });
}

test('the map is laid out, looked at, and a lasso searches in what it holds', async ({ page }) => {
  await open(page, '?c=photos&view=map&method=pca');
  await expect(page.locator('.line strong', { hasText: '17 pictures' }).last()).toBeVisible();
  await page.waitForLoadState('networkidle');
  await page.screenshot({ path: screenshot('map') });
  await page.getByRole('button', { name: 'Lasso' }).click();
  const canvas = page.locator('.sheet canvas');
  const box = await canvas.boundingBox();
  if (!box) throw new Error('there is no map');
  await page.mouse.move(box.x + 20, box.y + box.height - 20);
  await page.mouse.down();
  for (const [x, y] of [
    [0.98, 0.97],
    [0.98, 0.03],
    [0.02, 0.03],
  ])
    await page.mouse.move(box.x + box.width * x, box.y + box.height * y, { steps: 3 });
  await page.mouse.up();
  await expect(page.locator('.chosen-bar')).toContainText('17 pictures');
  await page.keyboard.press('Escape');
  await canvas.focus();
  for (let press = 0; press < 4; press += 1) await page.keyboard.press('+');
  await page.keyboard.press('s');
  await expect(page.locator('.chosen-bar')).toContainText(/\d+ picture/);
  const held = Number((await page.locator('.chosen-bar strong').textContent())?.split(' ')[0]);
  expect(held).toBeLessThan(17);
  await page.getByRole('button', { name: 'Search in them' }).click();
  await expect(page).toHaveURL(/among=/);
  await expect(tiles(page)).toHaveCount(held);
});

test('another method is computed when it is asked for', async ({ page }) => {
  await open(page, '?c=photos&view=map&method=pca');
  await page.getByRole('button', { name: 't-SNE' }).click();
  await expect(page).toHaveURL(/method=tsne/);
  await expect(page.getByRole('button', { name: 't-SNE' })).toHaveAttribute('aria-pressed', 'true');
  await expect(page.locator('.line strong', { hasText: '17 pictures' }).last()).toBeVisible();
});

test('the world shows where verified matches were taken', async ({ page }) => {
  await open(page, '?c=photos&view=world');
  await expect(page.getByText('12 pictures with a position')).toBeVisible();
  await page.screenshot({ path: screenshot('world') });
  await choose(page, 'bridge');
  await expect(page.getByText('1 verified match with a position')).toBeVisible();
  await expect(page.locator('.places')).toContainText('39.09° N 84.51° W');
  await page.locator('.places button').first().click();
  await expect(page.getByRole('dialog')).toContainText('bridge.jpg');
});

test('runs are compared: figures, curves, the same queries', async ({ page }) => {
  await open(page, '?c=photos&view=runs');
  await page.getByLabel(/^second/).check();
  await page.getByLabel(/^first/).check();
  await expect(page.locator('tbody tr')).toHaveCount(2);
  await expect(page.locator('tbody')).toContainText('0.760');
  await expect(page.locator('tbody')).toContainText('0.880');
  await expect(
    page.getByRole('img', {
      name: /Mean average precision on validation over epoch\. .*first.*second|.*second.*first/,
    }),
  ).toBeVisible();
  await expect(page.getByText('The same 6 queries')).toBeVisible();
  await expect(page.locator('.query').first().locator('.list-of-run')).toHaveCount(2);
  await expect(page.locator('.strip img').first()).toHaveJSProperty('complete', true);
  // A picture comes when it comes.
  await expect
    .poll(() =>
      page
        .locator('.query figure img')
        .first()
        .evaluate((one) => /** @type {HTMLImageElement} */ (one).naturalWidth),
    )
    .toBeGreaterThan(0);
  await page.screenshot({ path: screenshot('runs'), fullPage: true });
});
