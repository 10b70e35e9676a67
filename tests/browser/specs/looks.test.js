// What every state of the page looks like: accessible, and without a need to scroll sideways.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { LOOKS, assertAccessible, assertFitsInWidth, open } from '../support/browser.js';
import { named, withoutOwner } from '../support/exports.js';
import { browser, service, startBoth } from '../support/running.js';
import { SAMPLE } from '../support/service.js';

/** Where pictures of all states go, if somebody wants to look at them. */
const PICTURES = process.env.PICTURES;

// As wide as a phone's page at 200 %, and a desktop's.
const ZOOMED = [
  { name: 'zoom of 200 %', viewport: { width: 640, height: 450 }, colorScheme: 'light' },
  { name: 'zoom of 400 %', viewport: { width: 320, height: 256 }, colorScheme: 'dark' },
];

startBoth();

const RUNNING = {
  status: 'RUNNING',
  created_at: '2026-11-26T12:00:00Z',
  position_in_queue: 0,
  error_message: null,
  progress: { stage: 'reading', bytes_read: 43_000_000, bytes_total: 100_000_000 },
  config: {},
  stats: null,
  outputs: [],
};

/** Goes through all states, and has `look` look at each. */
async function goThrough(page, look) {
  const button = (name) => page.getByRole('button', { name, exact: true });
  const file = page.getByLabel('Choose the file');
  const ready = page.getByRole('heading', { name: 'Your examples are ready' });
  await page.goto(service.url);
  await file.waitFor({ state: 'attached' });
  await look('empty');
  await page.getByText('How do I get my export').click();
  await look('help');
  await file.setInputFiles(named('photos.zip', 'PK\u0003\u0004'));
  await page.getByText('This is a ZIP archive').waitFor();
  await look('wrong file');
  await file.setInputFiles(SAMPLE);
  await page.getByText('whose export this is').waitFor();
  await look('chosen');
  await page.getByLabel('Somebody else').check();
  await page.getByLabel('Replace personal data').check();
  await page.getByText('More settings').click();
  await look('all settings');
  await page.getByLabel('Replace personal data').uncheck();
  await page.getByLabel('Mira Solano').check();

  await page.route('**/data-prep/uploads/*/content', () => {});
  await button('Make the examples').click();
  await page.getByRole('heading', { name: 'Sending your export' }).waitFor();
  await look('sending');
  await button('Stop sending').click();
  await page.unroute('**/data-prep/uploads/*/content');
  await page.route('**/data-prep/uploads/*/content', (route) => route.abort());
  await button('Make the examples').click();
  await button('Try again').waitFor();
  await look('connection lost');
  await page.unroute('**/data-prep/uploads/*/content');
  await page.route('**/data-prep/jobs/*', (route) => route.fulfill({ json: RUNNING }));
  await button('Try again').click();
  await page.getByText('Reading the chats: 43 MB of 100 MB').waitFor();
  await look('running');
  await page.unroute('**/data-prep/jobs/*');
  await ready.waitFor();
  await page.getByText('All files').click();
  await look('finished');
  await button('Delete this run').click();
  await look('question');
  await button('Keep it').click();

  await page.getByRole('link', { name: 'Resonare Data Prep' }).click();
  await button('Choose another file').click();
  await file.setInputFiles(withoutOwner('Ann Lee', 'Bob', 'Me Myself and a Very Long Name That Goes on Without a Space'));
  await page.getByText('Find out from the chats').waitFor();
  await look('owner unknown');
  await button('Make the examples').click();
  await page.getByRole('button', { name: 'Bob' }).waitFor();
  await look('senders');
  await page.getByRole('link', { name: 'Resonare Data Prep' }).click();
  await page.getByLabel('Fewest tokens in a block').fill('700');
  await page.getByLabel('Somebody else').check();
  await page.getByLabel('Their full name').fill('Nobody');
  await button('Make the examples').click();
  await page.getByRole('heading', { name: 'That didn’t work' }).or(page.getByRole('button', { name: 'Bob' })).waitFor();
  await page.getByRole('link', { name: 'Resonare Data Prep' }).click();
  await page.getByLabel('Their full name').fill('Bob');
  await page.getByLabel('Fewest tokens in a block').fill('5000');
  await page.getByLabel('Most tokens in a block').fill('6000');
  await button('Make the examples').click();
  await page.getByRole('heading', { name: 'That didn’t work' }).waitFor();
  await look('failed');
  await page.getByRole('link', { name: 'Resonare Data Prep' }).click();
  await page.locator('#jobs a').nth(2).waitFor();
  await look('earlier runs');
}

for (const { name, ...options } of [...LOOKS, ...ZOOMED]) {
  test(`every state is accessible, and fits: ${name}`, async () => {
    const page = await open(browser, service.url, { ...options, bypassCSP: true });
    await goThrough(page, async (state) => {
      await assertFitsInWidth(page, state);
      if (LOOKS.some((checked) => checked.name === name)) {
        await assertAccessible(page, state);
      }
      if (PICTURES) {
        mkdirSync(PICTURES, { recursive: true });
        await page.screenshot({ path: path.join(PICTURES, `${name}, ${state}.png`), fullPage: true });
      }
    });
    const lost = page.complaints.filter((complaint) => !complaint.includes('net::ERR_FAILED'));
    assert.deepEqual(lost, []);
    await page.context().close();
  });
}
