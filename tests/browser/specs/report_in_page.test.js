// The report of a run, as the page shows it.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { open } from '../support/browser.js';
import { browser, service, startBoth } from '../support/running.js';
import { SAMPLE } from '../support/service.js';

startBoth('--token=sesame');

test('it is read in place, apart from the page, and in a tab of its own', async () => {
  const page = await open(browser, service.url);
  await page.goto(service.url);
  await page.getByLabel('Secret', { exact: true }).fill('sesame');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByLabel('Choose the file').setInputFiles(SAMPLE);
  await page.getByRole('button', { name: 'Make the examples' }).click();
  const report = page.frameLocator('iframe[title="Report of this run"]');
  await report.getByRole('heading', { level: 1 }).waitFor();
  const frame = page.frames().find((candidate) => candidate !== page.mainFrame());
  // Nothing of the page can be reached from within, and none of it runs.
  assert.equal(await frame.evaluate(() => origin), 'null');
  const answer = await fetch(frame.url());
  const policy = answer.headers.get('content-security-policy');
  assert.match(policy, /^sandbox allow-popups; default-src 'none'; .*frame-ancestors 'self'$/);
  assert.equal(answer.headers.get('cache-control'), 'no-store');
  await answer.text();

  const [tab] = await Promise.all([
    page.context().waitForEvent('page'),
    page.getByRole('button', { name: 'Open the report in a new tab' }).click(),
  ]);
  await tab.getByRole('heading', { level: 1 }).waitFor();
  assert.equal(await tab.evaluate(() => origin), 'null');
  assert.ok(!tab.url().includes('sesame'));
  assert.deepEqual(page.complaints.filter((complaint) => !complaint.includes('401')), []);
  await page.context().close();
});
