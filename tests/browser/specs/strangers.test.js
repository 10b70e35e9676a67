// Pages of other origins in the same browser, and texts of others in the page.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';

import { open } from '../support/browser.js';
import { named, withoutOwner } from '../support/exports.js';
import { browser, service, startBoth } from '../support/running.js';
import { SAMPLE } from '../support/service.js';

startBoth();

let elsewhere;
/** Of another port, which is of the same site, and of another name, which isn't. */
let origins;

before(async () => {
  elsewhere = createServer((_, response) => {
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><title>Elsewhere</title>');
  });
  await new Promise((resolve) => { elsewhere.listen(0, '127.0.0.1', resolve); });
  const { port } = elsewhere.address();
  origins = [`http://127.0.0.1:${port}`, `http://localhost:${port}`];
});

after(() => elsewhere?.close());

test('a page of another origin can neither read, nor post, nor frame it', async () => {
  const jobs = async () => Object.keys(await (await fetch(`${service.url}/data-prep/jobs`)).json()).length;
  for (const origin of origins) {
    const page = await open(browser, service.url);
    await page.goto(origin);
    const before = await jobs();
    const outcomes = await page.evaluate(async ([url, sample]) => {
      const outcome = (promise) => promise.then((answer) => answer.type, () => 'refused');
      const read = await outcome(fetch(`${url}/data-prep/jobs`));
      const page = await outcome(fetch(url));
      const post = await outcome(fetch(`${url}/data-prep/process`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: sample,
      }));
      // Blind: a form, and what needs no leave to be asked.
      const blind = await fetch(`${url}/data-prep/process`, { method: 'POST', mode: 'no-cors', body: sample })
        .then((answer) => answer.type, () => 'refused');
      const embedded = (name, attribute, path) => new Promise((resolve) => {
        const element = document.createElement(name);
        element.onload = () => resolve('loaded');
        element.onerror = () => resolve('refused');
        element[attribute] = url + path;
        document.head.append(element);
      });
      const image = await embedded('img', 'src', '/page/icon.svg');
      const script = await embedded('script', 'src', '/page/words.js');
      return { read, page, post, blind, image, script };
    }, [service.url, '[{"name":"A","messages":[]}]']);
    const { blind, ...others } = outcomes;
    assert.deepEqual(others, { read: 'refused', page: 'refused', post: 'refused', image: 'refused', script: 'refused' });
    assert.ok(['opaque', 'refused'].includes(blind));
    assert.equal(await jobs(), before, 'nothing was submitted');

    for (const path of ['/', '/data-prep/jobs', '/data-prep/openapi.json']) {
      await page.evaluate((url) => {
        const frame = document.createElement('iframe');
        frame.src = url;
        document.body.replaceChildren(frame);
        return new Promise((resolve) => { frame.onload = resolve; });
      }, service.url + path);
      const frame = page.frames().find((candidate) => candidate !== page.mainFrame());
      const text = await frame.evaluate(() => document.body.innerText).catch(() => '');
      assert.ok(!/Your export|openapi|run_id/.test(text), text);
    }
    await page.context().close();
  }
});

test('a link from elsewhere leads to the page', async () => {
  const page = await open(browser, service.url);
  await page.goto(origins[1]);
  await page.evaluate((url) => { location.href = url; }, service.url);
  await page.getByRole('heading', { name: 'Your export' }).waitFor();
  await page.context().close();
});

test('the page runs and asks for nothing but its own', async () => {
  const page = await open(browser, service.url);
  const response = await page.goto(service.url);
  const headers = response.headers();
  assert.match(headers['content-security-policy'], /^default-src 'none'; script-src 'self'; .*frame-ancestors 'none'/);
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.equal(headers['referrer-policy'], 'no-referrer');
  assert.equal(headers['cache-control'], 'no-store');
  assert.equal(headers['cross-origin-resource-policy'], 'same-origin');
  const outcomes = await page.evaluate(async (elsewhere) => {
    const refused = (attempt) => {
      try {
        attempt();
        return false;
      } catch {
        return true;
      }
    };
    const html = refused(() => { document.body.innerHTML = '<b>x</b>'; });
    const inline = document.createElement('script');
    const text = refused(() => { inline.textContent = 'window.ran = true'; });
    const asked = await fetch(elsewhere).then(() => 'answered', () => 'refused');
    return { html, text, ran: window.ran ?? false, asked };
  }, origins[0]);
  assert.deepEqual(outcomes, { html: true, text: true, ran: false, asked: 'refused' });
  await page.context().close();
});

test('names and files of others are texts', async () => {
  const evil = '<img src=x onerror="document.title=1">';
  const page = await open(browser, service.url);
  await page.goto(service.url);
  const file = { ...withoutOwner(`${evil}Ann`, 'Bob', 'Me'), name: `${evil}.json` };
  await page.getByLabel('Choose the file').setInputFiles(file);
  await page.getByText(`${evil}.json is chosen.`).waitFor({ state: 'attached' });
  await page.getByRole('button', { name: 'Make the examples' }).click();
  await page.getByRole('button', { name: `${evil}Ann` }).click();
  await page.getByText(`how ${evil}Ann writes`).waitFor();
  const owned = named('owned.json', JSON.stringify({
    personal_information: { user_id: 5, first_name: evil, last_name: 'O\u202eX' },
    chats: { list: [] },
  }));
  await page.getByRole('link', { name: 'Start with another export' }).click();
  await page.getByLabel('Choose the file').setInputFiles(owned);
  await page.getByLabel(evil).waitFor();
  assert.equal(await page.locator('img').count(), 0);
  assert.deepEqual(page.complaints, []);
  await page.context().close();
});

test('nothing of a run is left in the browser', async () => {
  const page = await open(browser, service.url);
  await page.goto(service.url);
  await page.getByLabel('Choose the file').setInputFiles(SAMPLE);
  await page.getByRole('button', { name: 'Make the examples' }).click();
  await page.getByRole('heading', { name: 'Your examples are ready' }).waitFor();
  const kept = await page.evaluate(async () => [
    localStorage.length, sessionStorage.length, document.cookie, (await caches.keys()).length,
  ]);
  assert.deepEqual(kept, [0, 0, '', 0]);
  await page.context().close();
});
