// What came of a run: files to download, and what is in them.

import { button, byId, element, tell } from './elements.js';
import { outputJson, outputUrl } from './service.js';
import { count, label, number, sentence, size } from './words.js';

const EXAMPLES = 'train.jsonl';
const REPORT = 'report.html';
const STATISTICS = 'stats.json';

/** What files are for, where their names don't say it. */
const FILES = {
  [EXAMPLES]: 'the examples, one a line',
  'validation.jsonl': 'examples kept back for testing',
  'processed.json': 'the same examples by chat, with dates',
  [STATISTICS]: 'where every message went, in numbers',
  [REPORT]: 'the report',
  'raw.json': 'the chats as they were exported',
};

/** Has the browser save what is at a URL, or show it in a tab of its own. */
function follow(href, properties) {
  const link = element('a', { href, ...properties });
  document.body.append(link);
  link.click();
  link.remove();
}

function following(job, name, properties) {
  const problem = byId('job-problem');
  return async () => {
    try {
      // Of a run that failed, it says why.
      if (job.status === 'COMPLETED') {
        tell(problem, '');
      }
      follow(await outputUrl(job.run_id, name), properties);
    } catch (error) {
      tell(problem, sentence(error.message));
      problem.scrollIntoView();
    }
  };
}

const download = (job, name) => following(job, name, { download: name });

const has = (job, name) => job.outputs.some((output) => output.name === name);

/** The statistics of a run, where it left any. */
export async function statistics(job) {
  return has(job, STATISTICS) ? outputJson(job.run_id, STATISTICS) : null;
}

/** What is in the examples, where there is no report. */
function numbers({ funnel: { chats, messages }, tokens_held_against_limits_per_block: tokens }) {
  const facts = {
    Chats: `${number(chats.kept)} of ${number(chats.read)}`,
    Messages: `${number(messages.in_blocks)} of ${number(messages.read)}`,
    'Tokens in an example': tokens?.avg ? `${number(Math.round(tokens.avg))} on average` : '–',
  };
  const pairs = Object.entries(facts).map(([name, value]) => element(
    'div', {}, element('dt', {}, name), element('dd', {}, value),
  ));
  const list = element('dl', { className: 'facts' }, ...pairs);
  return element('section', {}, element('h3', {}, 'What is in them'), list);
}

/** The report, where there is one, apart from the page: without scripts, and without a way to anything. */
export async function report(job) {
  if (!has(job, REPORT)) {
    return null;
  }
  const frame = element('iframe', {
    title: 'Report of this run',
    src: await outputUrl(job.run_id, REPORT),
    className: 'report',
    referrerPolicy: 'no-referrer',
  });
  frame.sandbox = 'allow-popups';
  const inTab = following(job, REPORT, { target: '_blank', rel: 'noopener' });
  const open = button('Open the report in a new tab', inTab, 'quiet');
  return element('section', {}, element('h3', {}, 'Report'), frame, element('p', {}, open));
}

function files(job) {
  const items = job.outputs.map(({ name, size_bytes: bytes }) => {
    const save = button('Download', download(job, name), 'quiet');
    save.setAttribute('aria-label', `Download ${name}`);
    const about = [FILES[name] ?? 'for the trainer', size(bytes)].join(' · ');
    return element('li', {},
      element('div', {}, element('code', {}, name), element('span', { className: 'hint' }, about)), save);
  });
  return element('details', {},
    element('summary', {}, `All files (${job.outputs.length})`), element('ul', { className: 'files' }, ...items));
}

function warnings(stats, waysToChange) {
  const said = (stats?.warnings ?? []).map(({ message, name }) => sentence(message ?? label(name)));
  return said.length === 0 ? null : element(
    'section', { className: 'warning' },
    element('h3', {}, 'Before you train'),
    element('ul', {}, ...said.map((text) => element('li', {}, text))),
    element('p', { className: 'hint' }, 'A block is one example.'),
    element('p', { className: 'actions' }, ...waysToChange(said.join(' '))),
  );
}

/** What a completed run has made, for the page. */
export async function result(job, waysToChange) {
  const examples = job.outputs.find(({ name }) => name === EXAMPLES);
  const stats = await statistics(job);
  const { num_blocks: blocks, num_chats: chats } = stats ?? job.stats;
  const learned = stats?.target?.name ?? job.config.target_name;
  const whose = learned ? `, from which a model learns how ${learned} writes` : '';
  return [
    element('p', { className: 'lead' }, `${count(blocks, 'example')} from ${count(chats, 'chat')}${whose}.`),
    examples ? element('p', { className: 'actions' },
      button('Download the examples', download(job, EXAMPLES), 'primary'),
      element('span', { className: 'hint' }, `${EXAMPLES}, ${size(examples.size_bytes)}`)) : null,
    warnings(stats, waysToChange),
    await report(job) ?? numbers(stats ?? job.stats),
    files(job),
  ].filter(Boolean);
}
