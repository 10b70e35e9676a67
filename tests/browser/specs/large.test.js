// An export that no browser should hold in memory: `cargo xtask browser --large`.

import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, readdirSync, writeSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';

import { open } from '../support/browser.js';
import { browser, service, startBoth } from '../support/running.js';
import { SAMPLE } from '../support/service.js';

const MEGABYTE = 1 << 20;
const SIZE = (process.env.MB ?? 500) * MEGABYTE;

startBoth();

/** The sample, with a chat before it that is passed over. */
function write(file) {
  const sample = readFileSync(SAMPLE, 'utf8');
  const list = sample.indexOf('[', sample.indexOf('"chats"')) + 1;
  const message = '{"id":1,"type":"message","date":"2024-01-01T10:00:00","from":"A bot","from_id":"user9","text":"words"}';
  const messages = Buffer.from(`${message},\n`.repeat(10_000));
  const descriptor = openSync(file, 'w');
  writeSync(descriptor, `${sample.slice(0, list)}{"name":"A bot","type":"bot_chat","id":9,"messages":[`);
  for (let written = 0; written < SIZE; written += messages.length) {
    writeSync(descriptor, messages);
  }
  writeSync(descriptor, `${message}]},${sample.slice(list)}`);
  closeSync(descriptor);
}

/** What /proc says of each process: its parent, and its name. */
function processes() {
  const found = new Map();
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const [, name, rest] = /\((.*)\) \S (.*)/s.exec(readFileSync(`/proc/${entry}/stat`, 'utf8'));
      found.set(Number(entry), { name, parent: Number(rest.split(' ')[0]) });
    } catch {
      // It has ended meanwhile.
    }
  }
  return found;
}

/** The memory of the browser that this process started, in bytes; what its processes share counts once. */
function memory() {
  const all = processes();
  const isOurs = (id) => id === process.pid || (all.has(id) && isOurs(all.get(id).parent));
  let kilobytes = 0;
  for (const [id, { name }] of all) {
    if (isOurs(id) && /chrom/.test(name)) {
      try {
        const rollup = readFileSync(`/proc/${id}/smaps_rollup`, 'utf8');
        kilobytes += Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0);
      } catch {
        // It has ended, too.
      }
    }
  }
  return kilobytes * 1024;
}

const skip = !process.env.LARGE || process.platform !== 'linux';

test('an export of 500 MB is sent in little memory', { skip, timeout: 600_000 }, async () => {
  const file = path.join(service.folder, 'result.json');
  write(file);
  const page = await open(browser, service.url);
  await page.addInitScript(() => {
    window.largestRead = 0;
    const { arrayBuffer, stream, text } = Blob.prototype;
    for (const [name, read] of Object.entries({ arrayBuffer, stream, text })) {
      Blob.prototype[name] = function recorded() {
        window.largestRead = Math.max(window.largestRead, this.size);
        return read.call(this);
      };
    }
  });
  await page.goto(service.url);
  const before = memory();
  assert.ok(before > 0);
  let most = before;
  const watch = setInterval(() => { most = Math.max(most, memory()); }, 250);
  const begun = performance.now();
  await page.getByLabel('Choose the file').setInputFiles(file);
  await page.getByText('whose export this is').waitFor();
  const looked = performance.now();
  await page.getByRole('button', { name: 'Make the examples' }).click();
  await page.getByRole('heading', { name: 'Preparing your examples' }).waitFor({ timeout: 300_000 });
  const sent = performance.now();
  clearInterval(watch);
  await page.getByRole('heading', { name: 'Your examples are ready' }).waitFor({ timeout: 300_000 });
  const done = performance.now();
  const seconds = (from, to) => `${((to - from) / 1000).toFixed(1)} s`;
  const grown = most - before;
  console.log(`looked at in ${seconds(begun, looked)}, sent in ${seconds(looked, sent)}, worked on in `
    + `${seconds(sent, done)}; the browser took ${Math.round(grown / MEGABYTE)} MB more`);
  const largestRead = await page.evaluate(() => window.largestRead);
  assert.ok(largestRead > 0 && largestRead <= MEGABYTE, `only the beginning is looked at: ${largestRead} bytes`);
  assert.ok(grown < 150 * MEGABYTE, `${grown} bytes`);
  assert.deepEqual(page.complaints, []);
});
