// What goes wrong on the way, and the way on.

import assert from 'node:assert/strict';
import { createServer, request } from 'node:http';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { open } from '../support/browser.js';
import { named, withoutOwner } from '../support/exports.js';
import { browser, service, startBoth } from '../support/running.js';
import { SAMPLE } from '../support/service.js';

startBoth();

/** A page with a chosen export, and what tests do with it. */
async function chosen(file, url = service.url) {
  const page = await open(browser, url);
  await page.goto(url);
  await page.getByLabel('Choose the file').setInputFiles(file);
  page.make = () => page.getByRole('button', { name: 'Make the examples' }).click();
  page.ready = () => page.getByRole('heading', { name: 'Your examples are ready' }).waitFor();
  return page;
}

const jobs = async () => Object.values(await (await fetch(`${service.url}/data-prep/jobs`)).json());

/** What the console says where a connection fails is the browser's to say. */
const own = (page) => page.complaints.filter((complaint) => !/net::ERR_|status of 4/.test(complaint));

test('a file that is no export is refused before anything is sent', async () => {
  const before = (await jobs()).length;
  const page = await chosen(named('empty.json', ''));
  for (const [file, said] of [
    [named('empty.json', ''), 'This file is empty'],
    [named('photos.zip', 'PK\u0003\u0004\u0014'), 'Unpack it'],
    [named('messages.html', '\n<!DOCTYPE html><html>'), 'Machine-readable JSON'],
    [named('photo.jpg', '\u00ff\u00d8\u00ff'), 'This isn’t a Telegram export'],
    [named('numbers.json', '[1, 2, 3]'), 'something other than a Telegram export'],
    [named('package.json', '{"version": "1", "scripts": {"messages": []}}'), 'something other than a Telegram export'],
    [named('result.json', '{"about": "…", "contacts": {"list": []}}'), 'There are no chats in this file'],
  ]) {
    await page.getByLabel('Choose the file').setInputFiles(file);
    await page.getByRole('alert').filter({ hasText: said }).waitFor();
    assert.equal(await page.getByRole('button', { name: 'Make the examples' }).isVisible(), false);
  }
  // The way on: another file.
  await page.getByLabel('Choose the file').setInputFiles(SAMPLE);
  await page.getByText('whose export this is').waitFor();
  assert.equal(await page.getByRole('alert').filter({ hasText: 'export' }).count(), 0);
  assert.equal((await jobs()).length, before);
  assert.deepEqual(own(page), []);
  await page.context().close();
});

test('where the target can’t be told, the senders are buttons', async () => {
  const page = await chosen(withoutOwner('Ann Lee', 'Bob Smith', '<b>Carl</b> & Co'));
  await page.getByText('Find out from the chats').waitFor();
  await page.make();
  await page.getByRole('heading', { name: 'Whose writing should the model learn?' }).waitFor();
  const buttons = page.locator('.senders button');
  assert.deepEqual((await buttons.allInnerTexts()).map((text) => text.split('\n')[0]).sort(),
    ['<b>Carl</b> & Co (user102)', 'Ann Lee (user100)', 'Bob Smith (user101)']);
  await page.getByRole('button', { name: '<b>Carl</b>' }).click();
  await page.ready();
  await page.getByText('how <b>Carl</b> & Co writes').waitFor();
  assert.equal((await jobs())[0].config.target_name, '<b>Carl</b> & Co (user102)');
  assert.deepEqual(own(page), []);
  await page.context().close();
});

test('a run that was started elsewhere asks for the file once more', async () => {
  const first = await chosen(withoutOwner('Ann Lee', 'Bob Smith', 'Me'));
  await first.make();
  await first.locator('.senders').waitFor();
  const page = await open(browser, service.url);
  await page.goto(first.url());
  await first.context().close();
  await page.getByRole('button', { name: 'Me (user102)' }).click();
  await page.getByText('Choose the file again to learn').waitFor();
  await page.getByLabel('Choose the file').setInputFiles(withoutOwner('Ann Lee', 'Bob Smith', 'Me'));
  await page.getByRole('button', { name: 'Make the examples' }).click();
  await page.getByRole('heading', { name: 'Your examples are ready' }).waitFor();
  assert.equal((await jobs())[0].config.target_name, 'Me (user102)');
  assert.deepEqual(own(page), []);
  await page.context().close();
});

test('an error leads to the settings that it names, with the file still chosen', async () => {
  const page = await chosen(SAMPLE);
  await page.getByText('More settings').click();
  await page.getByLabel('Fewest tokens in a block').fill('5000');
  await page.make();
  // The service refuses it: the most has to be more.
  await page.getByRole('heading', { name: 'Your export was not sent' }).waitFor();
  await page.getByRole('button', { name: 'Change “Most tokens in a block”' }).click();
  assert.equal(await page.getByLabel('Most tokens in a block').evaluate((input) => input === document.activeElement), true);
  await page.getByLabel('Most tokens in a block').fill('6000');
  await page.make();
  await page.getByRole('heading', { name: 'That didn’t work' }).waitFor();
  await page.getByRole('button', { name: 'Change “Fewest tokens in a block”' }).click();
  await page.getByLabel('Fewest tokens in a block').fill('');
  await page.getByLabel('Most tokens in a block').fill('');
  await page.make();
  await page.ready();
  assert.deepEqual(own(page), []);
  await page.context().close();
});

test('what the browser can tell is wrong is not sent', async () => {
  const page = await chosen(SAMPLE);
  await page.getByText('More settings').click();
  await page.getByLabel('Share kept back').fill('7');
  await page.getByText('More settings').click();
  await page.make();
  assert.equal(await page.getByLabel('Share kept back').isVisible(), true);
  assert.equal(await page.getByRole('button', { name: 'Make the examples' }).isVisible(), true);
  await page.context().close();
});

test('a connection that is lost while sending is tried again without choosing anew', async () => {
  const page = await chosen(SAMPLE);
  let attempts = 0;
  await page.route('**/data-prep/uploads/*/content', async (route) => {
    attempts += 1;
    if (attempts === 1) {
      await service.kill();
    }
    await route.continue();
  });
  await page.make();
  await page.getByText('The connection to the service was lost').waitFor();
  await page.getByRole('button', { name: 'Try again' }).click();
  // It isn't back yet.
  await page.getByText('The connection to the service was lost').waitFor();
  await service.start();
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.ready();
  // One job, however often it was tried.
  assert.equal(attempts, 2);
  assert.deepEqual(own(page), []);
  await page.context().close();
});

test('a service that is gone for a while is asked again by itself', async () => {
  const page = await chosen(SAMPLE);
  await page.make();
  await page.ready();
  await page.getByRole('link', { name: 'Resonare Data Prep' }).click();
  await page.locator('#jobs a').first().waitFor();
  await service.kill();
  await page.locator('#jobs a').first().click();
  await page.getByText('The connection to the service was lost. Trying again…').waitFor();
  await service.start();
  await page.ready();
  await page.context().close();
});

test('whoever stops sending has the service forget the run', async () => {
  const page = await chosen(SAMPLE);
  const before = (await jobs()).length;
  await page.route('**/data-prep/uploads/*/content', () => {});
  await page.make();
  await page.getByRole('heading', { name: 'Sending your export' }).waitFor();
  while ((await jobs()).length === before) {
    await page.waitForTimeout(20);
  }
  await page.getByRole('button', { name: 'Stop sending' }).click();
  await page.getByText('whose export this is').waitFor();
  while ((await jobs()).length > before) {
    await page.waitForTimeout(20);
  }
  await page.context().close();
});

/** The service as it is where uploads have several parts: the second is cut at first. */
function inParts(target, parts) {
  const seen = { puts: [], received: [], isCut: true };
  const forward = (incoming, method, path, body, headers) => new Promise((resolve) => {
    const { hostname, port } = new URL(target);
    const outgoing = request({ hostname, port, method, path, headers }, async (answer) => {
      const text = Buffer.concat(await answer.toArray());
      resolve({ status: answer.statusCode, headers: answer.headers, text });
    });
    outgoing.end(body);
  });
  const plan = (text, host) => {
    const info = JSON.parse(text);
    const size = Math.ceil(info.parts[0].size_bytes / parts);
    const [{ size_bytes: all, url, ...part }] = info.parts;
    info.parts = Array.from({ length: parts }, (_, index) => ({
      ...part,
      part_number: index + 1,
      size_bytes: Math.min(size, all - size * index),
      url: `http://${host}/part/${index + 1}?again=${seen.puts.length}`,
    }));
    info.complete_url = `http://${host}/data-prep/uploads/${info.run_id}/complete`;
    seen.path = new URL(url).pathname;
    return JSON.stringify(info);
  };
  const server = createServer(async (incoming, outgoing) => {
    const { host } = incoming.headers;
    const [, number] = /^\/part\/(\d+)/.exec(incoming.url) ?? [];
    if (number) {
      seen.puts.push(Number(number));
      if (seen.isCut && number === '2') {
        incoming.socket.destroy();
        return;
      }
      seen.received[number - 1] = Buffer.concat(await incoming.toArray());
      outgoing.end();
      return;
    }
    const body = Buffer.concat(await incoming.toArray());
    let answer;
    if (incoming.url.endsWith('/complete')) {
      const whole = Buffer.concat(seen.received);
      answer = await forward(incoming, 'PUT', seen.path, whole, { host, 'content-length': whole.length });
    } else {
      answer = await forward(incoming, incoming.method, incoming.url, body, incoming.headers);
      if (/^\/data-prep\/uploads(\/[^/]+\/parts)?$/.test(incoming.url)) {
        answer.text = plan(answer.text, host);
      }
    }
    delete answer.headers['content-length'];
    delete answer.headers['transfer-encoding'];
    outgoing.writeHead(answer.status, answer.headers);
    outgoing.end(answer.text);
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve({ server, seen, url: `http://127.0.0.1:${server.address().port}` }));
  });
}

test('parts that were sent are not sent again', async () => {
  const { server, seen, url } = await inParts(service.url, 3);
  const page = await chosen(SAMPLE, url);
  await page.make();
  await page.getByRole('button', { name: 'Try again' }).waitFor();
  // Browsers try once more by themselves.
  assert.deepEqual([...new Set(seen.puts)], [1, 2]);
  assert.equal(seen.puts.filter((part) => part === 1).length, 1);
  Object.assign(seen, { isCut: false, puts: [] });
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.ready();
  assert.deepEqual(seen.puts, [2, 3]);
  assert.ok(Buffer.concat(seen.received).equals(readFileSync(SAMPLE)));
  assert.deepEqual(own(page), []);
  await page.context().close();
  server.close();
});
