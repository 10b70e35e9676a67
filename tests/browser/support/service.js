// A running `resonare serve`, as a user has it: on a free port, in a folder of its own.

import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

import { root } from './packages.js';

const program = process.env.RESONARE ?? path.join(root, 'target/debug/resonare');

/** The made-up export of the repository. */
export const SAMPLE = path.join(root, 'sample/result.json');

/** An empty folder. */
export function folder() {
  return mkdtempSync(path.join(tmpdir(), 'resonare-browser-'));
}

/** None of this machine's configuration, and a tokenizer that needs no network. */
function environment() {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(RESONARE_|HF_)|^RUST_LOG$/.test(name),
  );
  return { ...Object.fromEntries(inherited), RESONARE_TOKENIZER: 'o200k_base' };
}

/** Runs the command in a folder, to its end. */
export function resonare(folder, ...options) {
  const settings = { cwd: folder, env: environment(), stdio: ['ignore', 'pipe', 'pipe'] };
  return execFileSync(program, options, settings);
}

/** A service that can be stopped and started again, at the same address and with the same jobs. */
export class Service {
  folder = folder();
  options;
  url;
  #port = 0;
  #child;

  constructor(...options) {
    this.options = options;
  }

  static async start(...options) {
    const service = new Service(...options);
    await service.start();
    return service;
  }

  async start() {
    const child = spawn(program, ['serve', `--port=${this.#port}`, ...this.options], {
      cwd: this.folder,
      env: environment(),
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    this.#child = child;
    for await (const line of createInterface({ input: child.stdout })) {
      this.url = JSON.parse(line).url;
      this.#port = new URL(this.url).port;
      return;
    }
    throw new Error('the service did not start');
  }

  /** Ends the process, as a crash does. */
  async kill() {
    const child = this.#child;
    if (child.exitCode === null && child.signalCode === null) {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGKILL');
      await ended;
    }
  }

  /** Ends it, and removes everything that it stored. */
  async remove() {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The folder with what `prepare` makes of an export. */
export function prepared(folder, file, ...options) {
  resonare(folder, 'prepare', file, '--run-id=prepared', '--output-dir=prepared', ...options);
  return path.join(folder, 'prepared/prepared');
}
