// The report of a run, as a file that somebody opens and as `serve` gives it.

import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';

import { LOOKS, assertAccessible, assertFitsInWidth, launch, open } from '../support/browser.js';
import { SAMPLE, Service, folder, resonare } from '../support/service.js';

const HOSTILE = '</style></title><script>window.hacked = 1</script><img src=x onerror="window.hacked = 1">\u202e\u2066"\'';

let browser;
let place;
const reports = {};

/** An export in which everything that a stranger can write is hostile, and long. */
function hostile() {
  const long = `${HOSTILE}${'w'.repeat(10_000)}`;
  const message = (id, from, from_id, text) => ({ id, type: 'message', date: '2024-01-01T10:00:00', from, from_id, text });
  const chat = (name, id) => ({
    name,
    type: 'personal_chat',
    id,
    messages: [message(1, name, `user${id}`, HOSTILE), message(2, HOSTILE, 'user1', long)],
  });
  return { personal_information: { user_id: 1 }, chats: { list: [chat(HOSTILE, 2), chat(long, 3)] } };
}

/** Runs `prepare`, and gives the address of the report. */
function report(name, ...options) {
  try {
    resonare(place, 'prepare', `--run-id=${name}`, '--output-dir=out', ...options);
  } catch (error) {
    // A run that has nothing to show fails, and leaves a report all the same.
    assert.equal(error.status, 1, String(error.stderr));
  }
  return pathToFileURL(path.join(place, 'out', name, 'report.html')).href;
}

before(async () => {
  place = folder();
  const export_ = path.join(place, 'hostile.json');
  writeFileSync(export_, JSON.stringify(hostile()));
  reports.sample = report('sample', SAMPLE, '--min-tokens-per-block=1');
  reports['for a service'] = report('service', SAMPLE, '--for=bedrock-nova', '--validation-fraction=0.5');
  reports.failed = report('failed', SAMPLE, '--min-tokens-per-block=790');
  reports.hostile = report('hostile', export_, '--min-tokens-per-block=1', '--max-tokens-per-block=100000');
  browser = await launch();
});

after(async () => {
  await browser?.close();
  rmSync(place, { recursive: true, force: true });
});

/** Opens what is folded, so that it is looked at as well. */
const unfold = (page) => page.evaluate(() => document.querySelectorAll('details').forEach((one) => (one.open = true)));

for (const { name, ...look } of LOOKS) {
  test(`reports are accessible and fit: ${name}`, async () => {
    for (const [which, url] of Object.entries(reports)) {
      const page = await open(browser, url, { ...look, bypassCSP: true });
      await page.goto(url);
      await unfold(page);
      await assertAccessible(page, `${which}, ${name}`);
      await assertFitsInWidth(page, `${which}, ${name}`);
      assert.deepEqual(page.complaints, []);
      await page.context().close();
    }
  });
}

test('at twice the size, and on the narrowest screens, nothing is to be scrolled sideways', async () => {
  for (const width of [640, 320]) {
    for (const [which, url] of Object.entries(reports)) {
      const page = await open(browser, url, { viewport: { width, height: 450 } });
      await page.goto(url);
      await unfold(page);
      await assertFitsInWidth(page, `${which}, ${width} pixels`);
      await page.context().close();
    }
  }
});

test('what strangers wrote stays text, and nothing is asked for', async () => {
  const page = await open(browser, reports.hostile);
  const requests = [];
  page.on('request', (request) => requests.push(request.url()));
  await page.goto(reports.hostile);
  await unfold(page);
  const found = await page.evaluate(() => ({
    hacked: 'hacked' in window,
    elements: document.querySelectorAll('script, img, iframe, link, object, a').length,
    styles: document.querySelectorAll('style').length,
    isStyled: getComputedStyle(document.querySelector('main')).maxWidth !== 'none',
  }));
  assert.deepEqual(found, { hacked: false, elements: 0, styles: 1, isStyled: true });
  await page.getByRole('heading', { name: '<script>window.hacked' }).first().waitFor();
  assert.deepEqual(requests, [reports.hostile]);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test('it prints on a few pages', async () => {
  const page = await open(browser, reports.sample);
  await page.goto(reports.sample);
  const pdf = await page.pdf({ format: 'A4' });
  const pages = pdf.toString('latin1').match(/\/Type\s*\/Page\b/g).length;
  assert.ok(pages >= 2 && pages <= 8, `${pages} pages`);
  await page.context().close();
});

test('a service shows it as a document that can do nothing', async () => {
  const service = await Service.start();
  try {
    const headers = { 'content-type': 'application/json' };
    const body = readFileSync(SAMPLE);
    const submitted = await fetch(`${service.url}/data-prep/process`, { method: 'POST', headers, body });
    const { run_id } = await submitted.json();
    const job = `${service.url}/data-prep/jobs/${run_id}`;
    while ((await (await fetch(job)).json()).status !== 'COMPLETED') {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const url = `${job}/outputs/report.html`;
    const page = await open(browser, url);
    const response = await page.goto(url);
    const said = response.headers();
    assert.equal(said['content-type'], 'text/html; charset=utf-8');
    assert.match(said['content-disposition'], /^inline/);
    assert.equal(said['cache-control'], 'no-store');
    assert.equal(said['x-content-type-options'], 'nosniff');
    assert.match(said['content-security-policy'], /^sandbox\b.*default-src 'none'.*frame-ancestors 'self'/);
    assert.doesNotMatch(said['content-security-policy'], /allow-scripts|allow-same-origin/);
    await page.getByRole('heading', { level: 1, name: '3 conversation blocks to learn from' }).waitFor();
    const width = await page.locator('main').evaluate((main) => getComputedStyle(main).maxWidth);
    assert.notEqual(width, 'none');
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  } finally {
    await service.remove();
  }
});
