// Earlier runs, newest first.

import { byId, element, show } from './elements.js';
import { call } from './service.js';
import { count, time } from './words.js';

const FIRST = '/data-prep/jobs?limit=10';

const STATES = {
  AWAITING_UPLOAD: 'not sent yet',
  QUEUED: 'waiting',
  RUNNING: 'running',
  COMPLETED: 'ready',
  FAILED: 'didn’t work',
  DELETING: 'being deleted',
};

function item(job) {
  const examples = job.status === 'COMPLETED' && job.stats ? count(job.stats.num_blocks, 'example') : null;
  const about = [examples, job.config.consumer && `for ${job.config.consumer}`].filter(Boolean).join(' ');
  return element('li', {}, element(
    'a', { href: `#/jobs/${job.run_id}` },
    element('span', {}, time(job.created_at)),
    element('span', { className: 'hint' }, about),
    element('span', { className: `state ${job.status.toLowerCase()}` }, STATES[job.status] ?? job.status),
  ));
}

function nextPage(headers) {
  return /<([^>]+)>;\s*rel="next"/.exec(headers.get('link') ?? '')?.[1] ?? null;
}

/** Shows the first page of them, or one more. */
async function page(path, list, more) {
  const { headers, json } = await call('GET', path);
  const items = Object.values(json).map(item);
  list.append(...items);
  const next = nextPage(headers);
  show(more, next !== null);
  more.onclick = async () => {
    const added = await page(next, list, more);
    added[0]?.querySelector('a').focus();
  };
  return items;
}

/** Shows the newest runs. */
export async function showJobs() {
  const [list, more] = [byId('jobs'), byId('more-jobs')];
  list.replaceChildren();
  const items = await page(FIRST, list, more);
  show(byId('earlier'), items.length > 0);
}
