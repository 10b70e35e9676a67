// The routes of the service, and what can happen when they are called.

import { byId, show } from './elements.js';

const TOKEN = 'resonare-token';

/** How long an answer may take, in milliseconds. */
const PATIENCE = 30_000;

/** The service refused a request, and says why. */
export class Refused extends Error {
  constructor(status, text) {
    super(detail(status, text));
    this.status = status;
  }
}

/** The service could not be reached, or the connection was lost. */
export class Unreachable extends Error {
  constructor() {
    super('The service can’t be reached. Is it still running, and are you still connected to it?');
  }
}

function detail(status, text) {
  try {
    const problem = JSON.parse(text);
    if (typeof problem.detail === 'string') {
      return problem.detail;
    }
  } catch {
    // It wasn't the service that answered, but something in between.
  }
  return `The service answered with the error ${status}. Try again in a moment.`;
}

/** What proves who calls. The secret stays in this tab, and in headers. */
export function authorization() {
  const token = sessionStorage.getItem(TOKEN);
  return token ? { authorization: `Bearer ${token}` } : {};
}

let asking = null;

/** Asks for the secret, once for all that wait for it. */
function askForToken() {
  asking ??= new Promise((resolve) => {
    const [dialog, form, input, problem] =
      ['ask-token', 'token-form', 'token', 'token-problem'].map(byId);
    const isWrong = sessionStorage.getItem(TOKEN) !== null;
    problem.textContent = 'That isn’t the secret of this service. Try again.';
    show(problem, isWrong);
    input.value = '';
    // Nothing works without it.
    dialog.onclose = () => asking && dialog.showModal();
    form.onsubmit = (event) => {
      event.preventDefault();
      // A header takes no other characters.
      sessionStorage.setItem(TOKEN, input.value.trim().replaceAll(/[^\x20-\x7e]/g, '?'));
      asking = null;
      dialog.close();
      resolve();
    };
    dialog.showModal();
    input.focus();
  });
  return asking;
}

/**
 * Calls a route, and gives the response if it is a good one. Asks for the secret where that is needed.
 */
export async function call(method, path, body) {
  for (;;) {
    const sent = authorization();
    const headers = { ...sent, ...(body && { 'content-type': 'application/json' }) };
    let response;
    let text;
    try {
      const signal = AbortSignal.timeout(PATIENCE);
      response = await fetch(path, { method, headers, body: body && JSON.stringify(body), signal });
      text = await response.text();
    } catch {
      throw new Unreachable();
    }
    if (response.status === 401) {
      // Another call may have asked for it meanwhile.
      if (authorization().authorization === sent.authorization) {
        await askForToken();
      }
      continue;
    }
    if (!response.ok) {
      throw new Refused(response.status, text);
    }
    return { headers: response.headers, json: text ? JSON.parse(text) : null };
  }
}

export async function get(path) {
  return (await call('GET', path)).json;
}

/** A URL as it can be called from here: behind a proxy, the service may not know its own scheme. */
export function reachable(url) {
  const parsed = new URL(url, location.href);
  return parsed.host === location.host ? parsed.pathname + parsed.search : parsed.href;
}

export const jobPath = (runId) => `/data-prep/jobs/${encodeURIComponent(runId)}`;

/** Where an output is, for a short time, for whoever has the URL. */
export async function outputUrl(runId, name) {
  const path = `${jobPath(runId)}/outputs/${encodeURIComponent(name)}?redirect=false`;
  return reachable((await get(path)).url);
}

/** A small output that is JSON. */
export async function outputJson(runId, name) {
  return get(await outputUrl(runId, name));
}
