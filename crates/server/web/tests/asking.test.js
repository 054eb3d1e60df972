// Asking: words, pictures dropped, pasted and chosen, boxes, several parts with weights and signs.

import { expect, test } from '@playwright/test';
import { screenshot } from './places.js';
import { bring, choose, drag, first, open, tiles } from './hands.js';

test('words find a picture by its caption, and the address holds them', async ({ page }) => {
  await open(page);
  await page.getByLabel('Words to search for').fill('tabby cat');
  await page.keyboard.press('Enter');
  await expect(first(page)).toHaveAttribute('alt', /tabby-cat/);
  expect(page.url()).toContain('p=text:tabby+cat');
  await expect(page.locator('.line')).toContainText(/result.* in .*s/);
});

test('a dropped picture finds what it shows, with verdict, score and box', async ({ page }) => {
  await open(page);
  await bring(page, 'drop', 'rocket');
  await expect(first(page)).toHaveAttribute('alt', /1\. rocket\.jpg verified match, score \d+/);
  await expect(tiles(page).first().locator('.outline polygon').last()).toBeVisible();
  await expect(page.locator('.line')).toContainText('1 verified match');
  await page.screenshot({ path: screenshot('drop') });
});

test('a pasted picture does as well', async ({ page }) => {
  await open(page);
  await bring(page, 'paste', 'coffee');
  await expect(first(page)).toHaveAttribute('alt', /coffee\.jpg verified match/);
});

test('what is not a picture is refused with a reason, and the page goes on', async ({ page }) => {
  await open(page);
  await page
    .locator('#file')
    .setInputFiles({ name: 'note.png', mimeType: 'image/png', buffer: Buffer.from('this is no picture') });
  await expect(page.locator('#toast')).toBeVisible();
  await expect(page.locator('#toast')).not.toBeEmpty();
  await choose(page, 'rocket');
  await expect(first(page)).toHaveAttribute('alt', /rocket/);
});

test('a box is drawn, moved, resized and taken away, with the mouse and with keys', async ({ page }) => {
  await open(page);
  await choose(page, 'rocket');
  const picture = page.locator('.draw-on');
  await expect(picture.locator('img')).toHaveJSProperty('complete', true);
  await drag(page, picture, [0.3, 0.2], [0.75, 0.85]);
  await expect(page).toHaveURL(/upload:\w+@\d+,\d+,\d+,\d+/);
  await expect(page.locator('.chip-picture .icon')).toBeVisible();
  const drawn = page.url();
  await drag(page, page.locator('.box'), [0.5, 0.5], [0.6, 0.5]);
  await expect(page).not.toHaveURL(drawn);
  const moved = page.url();
  await drag(page, page.locator('.handle.se'), [0.5, 0.5], [-1.5, -1.5]);
  await expect(page).not.toHaveURL(moved);
  await page.screenshot({ path: screenshot('box') });
  await page.locator('.box').focus();
  const resized = page.url();
  await page.keyboard.press('ArrowLeft');
  await page.keyboard.press('Shift+ArrowUp');
  await expect(page).not.toHaveURL(resized);
  await expect(first(page)).toHaveAttribute('alt', /rocket\.jpg verified match/);
  await page.locator('.box').focus();
  await page.keyboard.press('Delete');
  await expect(page).not.toHaveURL(/@/);
  await page.getByRole('button', { name: 'Add a box' }).press('Enter');
  await expect(page).toHaveURL(/@/);
  await expect(page.locator('.box')).toBeFocused();
});

test('words, a picture and one unlike it are one query, each with its weight', async ({ page }) => {
  await open(page);
  await page.getByLabel('Words to search for').fill('espresso');
  await page.keyboard.press('Enter');
  await choose(page, 'rocket');
  await expect(page.locator('.chip')).toHaveCount(2);
  await page.getByLabel(/Weight of .*espresso/).fill('0.5');
  await page.getByLabel(/Weight of .*espresso/).press('Enter');
  await expect(page).toHaveURL(/p=0\.5\*text:espresso/);
  await expect(first(page)).toHaveAttribute('alt', /rocket/);
  await tiles(page)
    .filter({ has: page.locator('img[alt*="coffee"]') })
    .hover();
  await page.getByRole('button', { name: 'Not like this: coffee.jpg' }).click();
  await expect(page.locator('.chip')).toHaveCount(3);
  await expect(page.locator('.chip').last()).toHaveClass(/less/);
  await expect(page.locator('.pictures.waiting')).toHaveCount(0);
  await page.screenshot({ path: screenshot('composed') });
  await page.getByRole('button', { name: /Remove “espresso”/ }).click();
  await expect(page.locator('.chip')).toHaveCount(2);
  await page.getByRole('button', { name: /picture \d+: less like this/ }).click();
  await expect(page.locator('.chip.less')).toHaveCount(0);
});

test('more like this asks with a picture of the collection, and again takes it back', async ({ page }) => {
  await open(page);
  await tiles(page)
    .filter({ has: page.locator('img[alt*="raccoon"]') })
    .hover();
  await page.getByRole('button', { name: 'More like this: raccoon.jpg' }).click();
  await expect(page).toHaveURL(/p=image:\d+/);
  await expect(first(page)).toHaveAttribute('alt', /raccoon\.jpg verified match/);
  await tiles(page).first().locator('a').focus();
  await page.keyboard.press('m');
  await expect(page.locator('.chip')).toHaveCount(0);
});

test('the back button takes back one step at a time, and a copied address shows the same', async ({
  page,
  context,
}) => {
  await open(page);
  await page.getByLabel('Words to search for').fill('bridge');
  await page.keyboard.press('Enter');
  await expect(first(page)).toHaveAttribute('alt', /bridge/);
  await tiles(page).first().locator('a').click();
  await expect(page.getByRole('dialog')).toBeVisible();
  const shared = await context.newPage();
  await shared.goto(page.url());
  await expect(shared.getByRole('dialog')).toContainText('A suspension bridge over a river at night');
  await shared.close();
  await page.goBack();
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect(page.locator('.chip')).toHaveCount(1);
  await page.goBack();
  await expect(page.locator('.chip')).toHaveCount(0);
  await page.goForward();
  await expect(first(page)).toHaveAttribute('alt', /bridge/);
});
