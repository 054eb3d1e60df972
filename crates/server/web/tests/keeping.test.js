// Taking pictures in, signing in, and what happens when something is wrong.

import path from 'node:path';
import { expect, test } from '@playwright/test';
import { output, screenshot } from './places.js';
import { open, tiles } from './hands.js';
import { TOKEN } from './setup.js';

test('files are taken in with progress; those that cannot be are listed with the reason', async ({ page }) => {
  await open(page, '?c=growing');
  await expect(tiles(page)).toHaveCount(1);
  await page.getByRole('button', { name: 'Add pictures' }).click();
  const dialog = page.getByRole('dialog');
  await page
    .locator('#ingest-files')
    .setInputFiles([
      path.join(output, 'photos', 'rocket.jpg'),
      path.join(output, 'photos', 'coffee.jpg'),
      path.join(output, 'incoming', 'broken.jpg'),
    ]);
  await expect(dialog.getByRole('heading', { name: 'Done' })).toBeVisible();
  await expect(dialog.locator('.tally')).toContainText('2added');
  await expect(dialog.locator('.skipped li')).toHaveCount(1);
  await expect(dialog.locator('.skipped')).toContainText('broken.jpg');
  await page.screenshot({ path: screenshot('ingest') });
  await dialog.getByLabel(/folder on the server/).fill(path.join(output, 'incoming'));
  await dialog.getByRole('button', { name: 'Take it in' }).click();
  await expect(dialog.locator('.tally')).toContainText('1added');
  await dialog.getByLabel(/folder on the server/).fill('/');
  await dialog.getByRole('button', { name: 'Take it in' }).click();
  await expect(dialog.getByRole('alert')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(tiles(page)).toHaveCount(4);
});

test('a wrong token is told so, the right one opens the page', async ({ page }) => {
  await page.goto(`${process.env.VIZSLA_LOCKED_PAGE}/?c=photos&p=text:cat`);
  const dialog = page.getByRole('dialog', { name: 'Sign in' });
  await dialog.getByLabel('Token').fill('not-the-token-of-this-server');
  await dialog.getByRole('button', { name: 'Sign in' }).click();
  await expect(dialog.getByRole('alert')).toContainText('This is not the token');
  await page.screenshot({ path: screenshot('wrong-token') });
  await dialog.getByLabel('Token').fill(TOKEN);
  await page.keyboard.press('Enter');
  await expect(dialog).toHaveCount(0);
  await expect(page.locator('.tile img').first()).toHaveAttribute('alt', /tabby-cat/);
  // The pictures need the token as well, and the cookie brings it.
  await expect
    .poll(() =>
      page
        .locator('.tile img')
        .first()
        .evaluate((one) => /** @type {HTMLImageElement} */ (one).naturalWidth),
    )
    .toBeGreaterThan(0);
  await page.getByRole('button', { name: 'Sign out' }).click();
  await expect(page.getByRole('dialog', { name: 'Sign in' })).toBeVisible();
});

test('what is wrong is said with what to do', async ({ page }) => {
  await open(page, '?c=photos&p=upload:0123456789abcdef0123456789abcdef');
  await expect(page.getByRole('alert').first()).toBeVisible();
  await open(page, '?c=nowhere');
  await expect(page.locator('#toast')).toContainText('no collection called nowhere');
  await expect(tiles(page)).not.toHaveCount(0);
  await page.locator('#collection').selectOption('photos');
  await page.route('**/search', (route) => route.abort());
  await page.getByLabel('Words to search for').fill('cat');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('alert').first()).toContainText('vizsla serve');
});

test('the first look takes less than 100 KB of script', async ({ page }) => {
  /** @type {Promise<number>[]} */
  const sizes = [];
  page.on('response', (response) => {
    if (response.url().endsWith('.js')) sizes.push(response.body().then((body) => body.length));
  });
  await open(page);
  await expect(tiles(page)).toHaveCount(17);
  const total = (await Promise.all(sizes)).reduce((a, b) => a + b, 0);
  expect(total).toBeGreaterThan(10_000);
  expect(total).toBeLessThan(100 * 1024);
});
