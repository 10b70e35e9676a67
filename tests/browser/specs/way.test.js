// The whole way, from a chosen export to the examples.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';

import { open } from '../support/browser.js';
import { browser, service, startBoth } from '../support/running.js';
import { SAMPLE, prepared } from '../support/service.js';

startBoth();

/** The bytes that a click downloads, and under which name. */
async function downloaded(page, button) {
  const [download] = await Promise.all([page.waitForEvent('download'), button.click()]);
  return { name: download.suggestedFilename(), bytes: readFileSync(await download.path()) };
}

test('an export becomes the same files as with the command', async () => {
  const page = await open(browser, service.url);
  await page.goto(service.url);
  await page.getByText('Everything stays on this computer.').waitFor();
  await page.getByLabel('Choose the file').setInputFiles(SAMPLE);
  // Before anything is sent.
  await page.getByLabel('Mira Solano, whose export this is').waitFor();
  assert.equal(await page.getByLabel('Mira Solano, whose export this is').isChecked(), true);
  assert.deepEqual(await (await fetch(`${service.url}/data-prep/jobs`)).json(), {});
  await page.getByRole('button', { name: 'Make the examples' }).click();
  await page.getByRole('heading', { name: 'Your examples are ready' }).waitFor();
  await page.getByText('3 examples from 2 chats, from which a model learns how Mira Solano writes.').waitFor();

  const expected = prepared(service.folder, SAMPLE);
  const train = await downloaded(page, page.getByRole('button', { name: 'Download the examples' }));
  assert.equal(train.name, 'train.jsonl');
  assert.ok(train.bytes.equals(readFileSync(path.join(expected, 'train.jsonl'))));
  await page.getByText('All files').click();
  const processed = await downloaded(page, page.getByRole('button', { name: 'Download processed.json' }));
  assert.ok(processed.bytes.equals(readFileSync(path.join(expected, 'processed.json'))));

  // The address is that of the run.
  await page.reload();
  await page.getByRole('heading', { name: 'Your examples are ready' }).waitFor();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test('an export can be dropped anywhere', async () => {
  const page = await open(browser, service.url);
  await page.goto(service.url);
  await page.getByLabel('Choose the file').waitFor({ state: 'attached' });
  const content = readFileSync(SAMPLE, 'utf8');
  const dataTransfer = await page.evaluateHandle((text) => {
    const dropped = new DataTransfer();
    dropped.items.add(new File([text], 'result.json'));
    return dropped;
  }, content);
  await page.dispatchEvent('h1', 'dragover', { dataTransfer });
  await page.dispatchEvent('h1', 'drop', { dataTransfer });
  await page.getByLabel('Mira Solano, whose export this is').waitFor();
  await page.getByRole('button', { name: 'Make the examples' }).click();
  await page.getByRole('heading', { name: 'Your examples are ready' }).waitFor();
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test('whoever leaves while an export is sent is asked', async () => {
  const page = await open(browser, service.url);
  await page.goto(service.url);
  await page.getByLabel('Choose the file').setInputFiles(SAMPLE);
  await page.route('**/data-prep/uploads/*/content', () => {});
  await page.getByRole('button', { name: 'Make the examples' }).click();
  await page.getByRole('heading', { name: 'Sending your export' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'Your export' }).waitFor();
  assert.deepEqual(page.complaints, ['dialog: beforeunload']);
  await page.context().close();
});

test('what is set on the page counts', async () => {
  const page = await open(browser, service.url);
  await page.goto(service.url);
  const gzip = { name: 'result.json.gz', mimeType: 'application/gzip', buffer: gzipSync(readFileSync(SAMPLE)) };
  await page.getByLabel('Choose the file').setInputFiles(gzip);
  await page.getByLabel('Somebody else').check();
  await page.getByLabel('Their full name').fill('Jonas Weber');
  await page.getByLabel('Which program or service').selectOption({ label: 'Axolotl' });
  await page.getByLabel('Leave out messages before').fill('2020-02-29');
  await page.getByLabel('Replace personal data').check();
  await page.getByLabel('IBAN', { exact: true }).uncheck();
  await page.getByText('More settings').click();
  await page.getByLabel('Fewest tokens in a block').fill('20');
  await page.getByLabel('Chats to leave out').fill('Nobody\n\n Noone ');
  await page.getByLabel('Quote the message being answered').check();
  await page.getByLabel('Bot chat').check();
  await page.getByRole('button', { name: 'Make the examples' }).click();
  await page.getByRole('heading', { name: 'Your examples are ready' }).waitFor();
  const runId = page.url().split('/').pop();
  const { config } = await (await fetch(`${service.url}/data-prep/jobs/${runId}`)).json();
  const { consumer, date_limit: date, redact, min_tokens_per_block: least, reply_context: reply } = config;
  assert.deepEqual({ consumer, date, least, reply }, { consumer: 'axolotl', date: '2020-02-29', least: 20, reply: true });
  assert.deepEqual(redact, ['phone', 'email', 'link', 'card', 'username', 'secret', 'number', 'name']);
  assert.deepEqual(config.chat_types, ['personal_chat', 'bot_chat']);
  assert.equal(config.exclude_chats, 2, 'as a count, since names are replaced');
  // The trainer's own: what wasn't touched is not sent.
  assert.equal(config.role_order, 'user_first');
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test('every key that a request may set is on the page', async () => {
  const page = await open(browser, service.url);
  await page.goto(service.url);
  await page.getByLabel('Choose the file').setInputFiles(SAMPLE);
  await page.getByText('More settings').click();
  const { components } = await (await fetch(`${service.url}/data-prep/openapi.json`)).json();
  const help = await page.locator('#more-settings code').allTextContents();
  const main = ['consumer', 'date_limit', 'redact'];
  // Of models, there is one.
  const elsewhere = ['target_name', 'model_id'];
  const keys = Object.keys(components.schemas.RequestConfiguration.properties);
  assert.deepEqual([...help, ...main, ...elsewhere].sort(), keys.sort());
  await page.context().close();
});

test('earlier runs are listed and opened, and one is deleted after a question', async () => {
  const page = await open(browser, service.url);
  await page.goto(service.url);
  const runs = page.locator('#jobs a');
  await runs.first().waitFor();
  const before = await runs.count();
  await runs.first().click();
  await page.getByRole('heading', { name: 'Your examples are ready' }).waitFor();
  const runId = page.url().split('/').pop();
  await page.getByRole('button', { name: 'Delete this run' }).click();
  await page.getByRole('button', { name: 'Keep it' }).click();
  await page.getByRole('button', { name: 'Delete this run' }).click();
  await page.getByRole('button', { name: 'Delete', exact: true }).click();
  await page.getByRole('heading', { name: 'Your export' }).waitFor();
  await page.waitForFunction((count) => document.querySelectorAll('#jobs a').length === count, before - 1);
  assert.equal((await fetch(`${service.url}/data-prep/jobs/${runId}`)).status, 404);
  // What was there before it is gone, too: the back button leads to a run that isn't.
  await page.goto(`${service.url}/#/jobs/${runId}`);
  await page.getByRole('heading', { name: 'There is no such run' }).waitFor();
  const complaints = page.complaints.filter((complaint) => !complaint.includes('404'));
  assert.deepEqual(complaints, []);
  await page.context().close();
});

test('more runs than a page holds are shown on demand', async () => {
  const chat = '[{"name":"Ann","messages":[{"from":"Ann","date":"2024-01-01T10:00:00","text":"Hi"}]}]';
  for (let run = 0; run < 11; run += 1) {
    const headers = { 'content-type': 'application/json' };
    const answer = await fetch(`${service.url}/data-prep/process`, { method: 'POST', headers, body: chat });
    assert.equal(answer.status, 202);
  }
  const page = await open(browser, service.url);
  await page.goto(service.url);
  await page.waitForFunction(() => document.querySelectorAll('#jobs a').length === 10);
  await page.getByRole('button', { name: 'Show more' }).click();
  await page.waitForFunction(() => document.querySelectorAll('#jobs a').length > 10);
  assert.equal(await page.getByRole('button', { name: 'Show more' }).isVisible(), false);
  // Whoever uses the keyboard goes on where the new ones begin.
  const focused = await page.evaluate(() => [...document.querySelectorAll('#jobs a')].indexOf(document.activeElement));
  assert.equal(focused, 10);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});
