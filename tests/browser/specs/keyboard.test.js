// The whole way with nothing but a keyboard.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { open } from '../support/browser.js';
import { browser, service, startBoth } from '../support/running.js';
import { SAMPLE } from '../support/service.js';

startBoth();

/** What has the focus, as a screen reader says it. */
function focused(page) {
  return page.evaluate(() => {
    const { tagName, labels, textContent, value } = document.activeElement;
    const label = labels?.[0]?.textContent ?? textContent;
    return `${tagName.toLowerCase()} ${(label || value || '').trim().replaceAll(/\s+/g, ' ')}`;
  });
}

/** Presses Tab until the focus is on what is wanted. */
async function tabTo(page, wanted, key = 'Tab') {
  const seen = [];
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press(key);
    const now = await focused(page);
    if (now.startsWith(wanted)) {
      const outline = await page.evaluate(() => {
        const visible = document.activeElement.matches('.unseen') ? document.activeElement.nextElementSibling
          : document.activeElement;
        return getComputedStyle(visible).outlineStyle;
      });
      assert.notEqual(outline, 'none', `${now} shows its focus`);
      return;
    }
    seen.push(now);
  }
  assert.fail(`${wanted} is not among ${seen.join('; ')}`);
}

test('from choosing to deleting', async () => {
  const page = await open(browser, service.url);
  // Choosers are taken over from the first listener on, and not at once.
  page.on('filechooser', () => {});
  await page.goto(service.url);
  await tabTo(page, 'input Choose the file');
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), page.keyboard.press('Enter')]);
  await chooser.setFiles(SAMPLE);
  await page.getByText('whose export this is').waitFor();
  assert.equal(await focused(page), 'button Choose another file');
  await tabTo(page, 'input Mira Solano');
  await page.keyboard.press('ArrowDown');
  await tabTo(page, 'input Their full name');
  await page.keyboard.type('Jonas Weber');
  await tabTo(page, 'select Which program or service');
  await page.keyboard.type('Uns');
  await tabTo(page, 'summary More settings');
  await page.keyboard.press('Enter');
  await tabTo(page, 'input Fewest tokens in a block');
  await page.keyboard.type('20');
  // Enter sends a form from wherever it is.
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Your examples are ready' }).waitFor();
  assert.match(await focused(page), /^h2 /);
  assert.match(await page.getByRole('status').textContent(), /Your examples are ready/);
  await tabTo(page, 'button Download the examples');
  const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Space')]);
  assert.equal(download.suggestedFilename(), 'train.jsonl');
  await tabTo(page, 'button Delete this run');
  await page.keyboard.press('Enter');
  assert.equal(await focused(page), 'button Keep it');
  await page.keyboard.press('Escape');
  assert.equal(await focused(page), 'button Delete this run');
  await page.keyboard.press('Enter');
  await tabTo(page, 'button Delete', 'Shift+Tab');
  await page.keyboard.press('Enter');
  await page.getByRole('status').filter({ hasText: 'The run was deleted.' }).waitFor({ state: 'attached' });
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});
