// An export on its way to the service: in the parts that the service names, which are read from the disk while they are
// sent. What was sent isn't sent again.

import { Refused, Unreachable, authorization, call, get, jobPath, reachable } from './service.js';

const CONFLICT = 409;
const NOT_FOUND = 404;

/** Sends a blob, and says how many bytes are on their way. */
async function put(part, blob, onSent, signal) {
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const url = reachable(part.url);
    const request = new XMLHttpRequest();
    request.open(part.method, url);
    const own = url.startsWith('/') ? authorization() : {};
    for (const [name, value] of Object.entries({ ...part.headers, ...own })) {
      if (name.toLowerCase() !== 'content-length') {
        request.setRequestHeader(name, value);
      }
    }
    request.upload.onprogress = (event) => onSent(event.loaded);
    request.onload = () => {
      const { status, responseText } = request;
      // Another attempt arrived, and its answer was lost.
      if ((status >= 200 && status < 300) || status === CONFLICT || status === 412) {
        resolve();
      } else {
        reject(new Refused(status, responseText));
      }
    };
    request.onerror = () => reject(new Unreachable());
    request.onabort = () => reject(signal.reason);
    signal.addEventListener('abort', () => request.abort());
    request.send(blob);
  });
}

/** One upload, which can be tried again until it has arrived. */
export class Upload {
  runId = null;
  hasArrived = false;
  #plan = null;
  #sent = new Set();
  #stop = new AbortController();

  /** Of an export as `examine` tells of it. */
  constructor(chosen, config) {
    this.chosen = chosen;
    this.config = config;
  }

  get file() {
    return this.chosen.file;
  }

  /** Sends what hasn't been sent. Once it returns, the job is queued. */
  async send(onSent) {
    if (await this.#isAwaited()) {
      await this.#sendParts(onSent);
    }
    this.hasArrived = true;
  }

  async #sendParts(onSent) {
    let offset = 0;
    for (const part of this.#plan.parts) {
      const end = offset + part.size_bytes;
      if (!this.#sent.has(part.part_number)) {
        const before = offset;
        const blob = this.file.slice(offset, end);
        await put(part, blob, (bytes) => onSent(before + bytes), this.#stop.signal);
        this.#sent.add(part.part_number);
      }
      offset = end;
      onSent(offset);
    }
    if (this.#plan.complete_url) {
      await call('POST', reachable(this.#plan.complete_url));
    }
  }

  /** Breaks it off, and has the service forget it. */
  abandon() {
    this.#stop.abort(new DOMException('cancelled', 'AbortError'));
    if (this.runId && !this.hasArrived) {
      // What can't be reached forgets it by itself, after a day.
      call('DELETE', jobPath(this.runId)).catch(() => {});
    }
  }

  /** Gets the plan, or new URLs for it. Whether the service still waits for anything. */
  async #isAwaited() {
    if (this.#plan) {
      try {
        this.#plan = await get(`/data-prep/uploads/${this.runId}/parts`);
        return true;
      } catch (error) {
        if (error instanceof Refused && error.status === CONFLICT) {
          return false;
        }
        // The job is gone: a new one takes its place.
        if (!(error instanceof Refused && error.status === NOT_FOUND)) {
          throw error;
        }
        this.#sent.clear();
      }
    }
    const { file, isGzip } = this.chosen;
    const request = { size_bytes: file.size, config: this.config, ...(isGzip && { content_encoding: 'gzip' }) };
    this.#plan = (await call('POST', '/data-prep/uploads', request)).json;
    this.runId = this.#plan.run_id;
    if (this.#stop.signal.aborted) {
      this.abandon();
    }
    return true;
  }
}
