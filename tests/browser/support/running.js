// The browser and the service of a file's tests. Each file of tests is a process of its own.

import { after, before } from 'node:test';

import { launch } from './browser.js';
import { Service } from './service.js';

export let browser;
export let service;

/** Starts both before the tests of a file, with these options of the service, and ends them after. */
export function startBoth(...options) {
  before(async () => {
    [browser, service] = await Promise.all([launch(), Service.start(...options)]);
  });
  after(async () => {
    await browser?.close();
    await service?.remove();
  });
}
