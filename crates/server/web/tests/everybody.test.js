// Everybody: keys alone, a phone, a screen reader's rules, light and dark.

import axe from 'axe-core';
import { expect, test } from '@playwright/test';
import { screenshot } from './places.js';
import { choose, first, open, tiles } from './hands.js';

test('everything is reached with keys alone', async ({ page }) => {
  await open(page);
  await expect(tiles(page)).toHaveCount(17);
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: 'Skip to the pictures' })).toBeFocused();
  await page.keyboard.press('Enter');
  await expect(page.locator('#main')).toBeFocused();
  await page.keyboard.press('/');
  await expect(page.getByLabel('Words to search for')).toBeFocused();
  await page.keyboard.type('raccoon');
  await page.keyboard.press('Enter');
  await expect(first(page)).toHaveAttribute('alt', /raccoon/);
  await page.keyboard.press('Escape');
  await page.locator('#main').focus();
  await page.keyboard.press('Backspace');
  await tiles(page).first().locator('a').focus();
  await page.keyboard.press('Enter');
  await expect(page.getByRole('dialog')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(tiles(page).first().locator('a')).toBeFocused();
  await page.keyboard.press('?');
  await expect(page.getByRole('dialog', { name: 'Keyboard' })).toBeVisible();
  await page.keyboard.press('Escape');
  await page.keyboard.press('f');
  await expect(page.getByLabel('Condition')).toBeFocused();
});

test('arrow keys go from picture to picture as the eye does', async ({ page }) => {
  await open(page);
  await expect(tiles(page)).toHaveCount(17);
  const links = page.locator('.tile a');
  await links.first().focus();
  await page.keyboard.press('ArrowRight');
  await expect(links.nth(1)).toBeFocused();
  await page.keyboard.press('ArrowDown');
  const [above, below] = [await links.nth(1).boundingBox(), await page.locator('.tile a:focus').boundingBox()];
  expect(below && above && below.y > above.y + 20).toBeTruthy();
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('End');
  await expect(links.last()).toBeFocused();
  // One stop of the tab key for the whole grid, and its two buttons.
  expect(await page.locator('#grid [tabindex="0"]').count()).toBe(3);
});

test.describe('on a phone', () => {
  test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });

  test('the page fits, searches and shows details', async ({ page }) => {
    await open(page);
    await choose(page, 'rocket');
    await expect(first(page)).toHaveAttribute('alt', /rocket\.jpg verified/);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    await page.screenshot({ path: screenshot('phone') });
    await tiles(page).first().locator('a').tap();
    await expect(page.locator('.stage-note')).toContainText('places seen');
    await page.screenshot({ path: screenshot('phone-detail') });
    await page.getByRole('button', { name: 'Close' }).tap();
    await expect(page.getByRole('dialog')).toHaveCount(0);
    for (const view of ['map', 'world', 'runs']) {
      await open(page, `?c=photos&view=${view}&method=pca`);
      await expect(page.locator('main section:visible').first()).toBeVisible();
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    }
  });
});

/** What is looked at, and what shows that it is there. @type {[string, string, string][]} */
const PLACES = [
  ['pictures', '?c=photos&p=text:wall&p=-0.5*image:1', '.tile'],
  ['detail', '?c=photos&p=image:1&open=1', '.facts .verdict'],
  ['map', '?c=photos&view=map&method=pca', '.sheet canvas[aria-label*="pictures"]'],
  ['world', '?c=photos&view=world', '.places button'],
  ['runs', '?c=photos&view=runs&run=first&run=second', '.query'],
];

for (const scheme of /** @type {const} */ (['light', 'dark'])) {
  test.describe(scheme, () => {
    test.use({ colorScheme: scheme });
    for (const [name, query, sign] of PLACES) {
      test(`${name} has no serious barrier`, async ({ page }) => {
        await open(page, query);
        await expect(page.locator(sign).first()).toBeVisible();
        await page.waitForLoadState('networkidle');
        await serious(page);
        await page.screenshot({ path: screenshot(`${name}-${scheme}`) });
      });
    }

    test('the windows have no serious barrier', async ({ page }) => {
      await open(page, '?c=growing');
      await page.keyboard.press('?');
      await expect(page.getByRole('dialog')).toBeVisible();
      await serious(page);
      await page.keyboard.press('Escape');
      await page.getByRole('button', { name: 'Add pictures' }).click();
      await expect(page.getByRole('dialog')).toBeVisible();
      await serious(page);
      await page.screenshot({ path: screenshot(`ingest-${scheme}`) });
    });
  });
}

/** @param {import('@playwright/test').Page} page */
async function serious(page) {
  // Evaluated, not added as an element: the page's policy allows no script but its own.
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() =>
    /** @type {{ axe: typeof import('axe-core') }} */ (/** @type {unknown} */ (window)).axe.run(),
  );
  const found = violations.filter((one) => one.impact === 'serious' || one.impact === 'critical');
  expect(found.map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`)).toEqual([]);
}
