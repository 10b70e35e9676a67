// A service that needs a secret.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { open } from '../support/browser.js';
import { browser, service, startBoth } from '../support/running.js';
import { SAMPLE, prepared } from '../support/service.js';

const SECRET = 'an open sesame';

startBoth(`--token=${SECRET}`);

test('the secret is asked for once, and stays out of URLs', async () => {
  const page = await open(browser, service.url);
  const urls = [];
  page.context().on('request', (request) => urls.push(request.url()));
  await page.goto(service.url);
  const secret = page.getByLabel('Secret', { exact: true });
  await secret.fill('a wrong one');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByText('That isn’t the secret').waitFor();
  await secret.fill(SECRET);
  await secret.press('Enter');
  await page.getByLabel('Choose the file').setInputFiles(SAMPLE);
  await page.getByRole('button', { name: 'Make the examples' }).click();
  await page.getByRole('heading', { name: 'Your examples are ready' }).waitFor();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Download the examples' }).click(),
  ]);
  const expected = path.join(prepared(service.folder, SAMPLE), 'train.jsonl');
  assert.ok(readFileSync(await download.path()).equals(readFileSync(expected)));
  // Until the tab is closed.
  await page.reload();
  await page.getByRole('heading', { name: 'Your examples are ready' }).waitFor();
  for (const url of urls) {
    assert.ok(!decodeURIComponent(url).includes(SECRET), url);
  }
  const kept = await page.evaluate(() => [document.cookie, localStorage.length]);
  assert.deepEqual(kept, ['', 0]);
  const other = await open(browser, service.url);
  await other.goto(service.url);
  await other.getByLabel('Secret', { exact: true }).waitFor();
  const complaints = page.complaints.filter((complaint) => !complaint.includes('401'));
  assert.deepEqual(complaints, []);
  await page.context().close();
  await other.context().close();
});

test('a download’s URL is for one output, and needs nothing else', async () => {
  const headers = { authorization: `Bearer ${SECRET}` };
  const jobs = await (await fetch(`${service.url}/data-prep/jobs`, { headers })).json();
  const output = `${service.url}/data-prep/jobs/${Object.keys(jobs)[0]}/outputs/train.jsonl`;
  assert.equal((await fetch(`${output}/content`)).status, 401);
  const { url } = await (await fetch(`${output}?redirect=false`, { headers })).json();
  const answer = await fetch(url);
  assert.equal(answer.status, 200);
  assert.equal(answer.headers.get('content-disposition'), 'attachment; filename="train.jsonl"');
  await answer.text();
  assert.equal((await fetch(url.replace('train.jsonl', 'stats.json'))).status, 401);
  assert.equal((await fetch(url.replace('/content', ''))).status, 401);
  const last = url.at(-1) === '0' ? '1' : '0';
  assert.equal((await fetch(url.slice(0, -1) + last)).status, 401);
});
