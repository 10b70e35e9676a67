// The packages are in `.tools/browser`, where `cargo xtask browser` installs them.

import { createRequire } from 'node:module';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../..');

const folder = process.env.BROWSER_PACKAGES ?? path.join(root, '.tools/browser');
const require = createRequire(path.join(folder, 'package.json'));

export const { chromium } = require('playwright-core');
export const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
