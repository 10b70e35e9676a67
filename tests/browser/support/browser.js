// Chromium, and pages that notice what must not happen.

import assert from 'node:assert/strict';

import { axe, chromium } from './packages.js';

const PHONE = { width: 390, height: 844 };
const DESKTOP = { width: 1280, height: 900 };

/** Each size and each color scheme. */
export const LOOKS = [
  { name: 'phone, light', viewport: PHONE, colorScheme: 'light' },
  { name: 'phone, dark', viewport: PHONE, colorScheme: 'dark' },
  { name: 'desktop, light', viewport: DESKTOP, colorScheme: 'light' },
  { name: 'desktop, dark', viewport: DESKTOP, colorScheme: 'dark' },
];

const OPTIONS = {
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ],
};

/** A browser, which the caller closes. It asks nobody for anything of its own. */
export function launch() {
  return chromium.launch(OPTIONS);
}

/**
 * A page in a context of its own. `page.complaints` has what the console said, errors that no one caught,
 * questions before leaving, and requests to other origins than `own`.
 */
export async function open(browser, own, options = {}) {
  const context = await browser.newContext({ viewport: DESKTOP, ...options });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  page.complaints = [];
  page.on('console', (message) => page.complaints.push(`${message.type()}: ${message.text()}`));
  page.on('dialog', (dialog) => {
    page.complaints.push(`dialog: ${dialog.type()}`);
    dialog.accept();
  });
  page.on('pageerror', (error) => page.complaints.push(`error: ${error.message}`));
  context.on('request', (request) => {
    const url = new URL(request.url());
    if (!['data:', 'blob:', 'about:'].includes(url.protocol) && url.origin !== new URL(own).origin) {
      page.complaints.push(`request: ${request.url()}`);
    }
  });
  return page;
}

/** Fails where the accessibility checker finds a violation. The context needs `bypassCSP`. */
export async function assertAccessible(page, state) {
  // Colors are compared once they have arrived.
  await page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished)));
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document));
  const violations = found.violations.map(({ id, help, nodes }) => ({
    id,
    help,
    nodes: nodes.map((node) => `${node.html}: ${node.failureSummary}`),
  }));
  assert.deepEqual(violations, [], state);
}

/** Fails where there is something to scroll to sideways. */
export async function assertFitsInWidth(page, state) {
  const { scrollWidth, clientWidth } = await page.evaluate(() => ({
    scrollWidth: document.documentElement.scrollWidth,
    clientWidth: document.documentElement.clientWidth,
  }));
  assert.ok(scrollWidth <= clientWidth, `${state}: ${scrollWidth} pixels in ${clientWidth}`);
}
