// The page as it is first seen.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { LOOKS, assertAccessible, assertFitsInWidth, launch, open } from '../support/browser.js';
import { Service } from '../support/service.js';

let browser;
let service;

before(async () => {
  [browser, service] = await Promise.all([launch(), Service.start()]);
});

after(async () => {
  await browser?.close();
  await service?.remove();
});

for (const { name, ...look } of LOOKS) {
  test(`an empty page is accessible and fits: ${name}`, async () => {
    const page = await open(browser, service.url, { ...look, bypassCSP: true });
    await page.goto(service.url);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await assertAccessible(page, name);
    await assertFitsInWidth(page, name);
    assert.deepEqual(page.complaints, []);
    await page.context().close();
  });
}
