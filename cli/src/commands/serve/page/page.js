// The page: a form for a new run, and the view of a run, of which the address says which is shown.

import { announce, byId, element, show, tell } from './elements.js';
import { NotAnExport, examine } from './export.js';
import { JobView } from './job.js';
import { showJobs } from './jobs.js';
import { get } from './service.js';
import { Settings } from './settings.js';
import { Upload } from './upload.js';
import { sentence, size } from './words.js';

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/;
const JOB = /^#\/jobs\/([\w-]+)$/;

let settings = null;
/** The export that is chosen: its file, and what its beginning told. */
let chosen = null;
/** Counts files: looking into one may take longer than choosing the next. */
let looked = 0;

const view = new JobView({
  start,
  change,
  sent: (runId) => history.replaceState(null, '', `#/jobs/${runId}`),
  removed: () => {
    goToForm();
    announce('The run was deleted.');
  },
  settingsNamedIn: (text) => settings?.namedIn(text) ?? [],
});

async function choose(file) {
  looked += 1;
  const look = looked;
  let found;
  try {
    found = await examine(file);
  } catch (error) {
    if (look === looked) {
      const unreadable = `The file could not be read (${error.message}). Is it a folder, or on a disk that is gone?`;
      forget();
      tell(byId('file-problem'), error instanceof NotAnExport ? `${file.name}: ${error.message}` : unreadable);
    }
    return;
  }
  if (look === looked) {
    chosen = { file, ...found };
    showChosen();
    announce(`${file.name} is chosen.`);
    byId('other-file').focus();
  }
}

function showChosen() {
  const { file, owner, senders } = chosen;
  tell(byId('file-problem'), '');
  byId('file-name').replaceChildren(element('strong', {}, file.name), ` ${size(file.size)}`);
  byId('owner').replaceChildren(...(owner
    ? [element('strong', {}, owner.name || `The account ${owner.id}`), ', whose export this is']
    : ['Find out from the chats. The beginning of this file doesn’t say whose export it is; if it stays unclear, '
      + 'you can choose from a list.']));
  byId('senders').replaceChildren(...senders.map((value) => element('option', { value })));
  showSteps();
}

function forget() {
  chosen = null;
  byId('file').value = '';
  showSteps();
}

function showSteps() {
  const isChosen = chosen !== null;
  show(byId('drop'), !isChosen);
  show(byId('file-card'), isChosen);
  show(byId('how'), !isChosen);
  ['who', 'what', 'go'].forEach((id) => show(byId(id), isChosen));
  showOther();
}

function who() {
  return document.querySelector('input[name="who"]:checked');
}

function showOther() {
  const isOther = who().value === 'other';
  show(byId('other'), isOther);
  byId('target').required = isOther;
}

function takeTarget(name) {
  const value = name ? 'other' : 'owner';
  document.querySelector(`input[name="who"][value="${value}"]`).checked = true;
  byId('target').value = name ?? '';
  showOther();
}

/** What was chosen, as a request says it. */
function config() {
  const target = who().value === 'other' ? { target_name: byId('target').value.trim() } : {};
  return { ...settings.values(), ...target };
}

function submit(event) {
  event.preventDefault();
  tell(byId('form-problem'), '');
  const wrong = [...byId('form').elements].find((control) => !control.checkValidity());
  if (wrong) {
    wrong.closest('details')?.setAttribute('open', '');
    wrong.reportValidity();
    return;
  }
  if (chosen && settings) {
    send(new Upload(chosen, config()));
  }
}

/** Shows either of them. */
function showView(isJob) {
  show(byId('new'), !isJob);
  show(byId('job'), isJob);
  scrollTo(0, 0);
}

function send(upload) {
  // Whoever goes back leaves this run, and an address that can be loaded again comes with its id.
  history.pushState(null, '', '#/sending');
  showView(true);
  view.send(upload);
}

/** Starts again, to learn from somebody; where the file is gone, once it is chosen. */
function start(upload, target) {
  takeTarget(target);
  if (upload) {
    send(new Upload(upload.chosen, { ...upload.config, target_name: target }));
    return;
  }
  forget();
  goToForm();
  tell(byId('file-problem'), `Choose the file again to learn how ${target} writes.`);
  byId('file').focus();
}

/** Goes back to the settings, or to one of them. */
function change(upload, key) {
  goToForm();
  if (upload) {
    chosen = upload.chosen;
    showChosen();
  }
  if (upload && key) {
    settings.focus(key);
  } else {
    byId(upload ? 'other-file' : 'file').focus();
  }
}

function goToForm() {
  history.pushState(null, '', location.pathname);
  route();
}

function route() {
  const [, runId] = JOB.exec(location.hash) ?? [];
  view.leave();
  showView(Boolean(runId));
  if (runId) {
    view.watch(runId);
    return;
  }
  document.title = 'Resonare Data Prep';
  showSteps();
  showJobs().catch((error) => tell(byId('form-problem'), sentence(error.message)));
}

function listen() {
  byId('file').onchange = () => byId('file').files[0] && choose(byId('file').files[0]);
  // Enter would send the form.
  byId('file').onkeydown = (event) => {
    if (event.key === 'Enter') {
      event.preventDefault();
      byId('file').click();
    }
  };
  byId('other-file').onclick = () => {
    forget();
    byId('file').focus();
  };
  byId('start-again').onclick = forget;
  byId('form').onsubmit = submit;
  document.querySelectorAll('input[name="who"]').forEach((radio) => { radio.onchange = showOther; });
  const drop = byId('drop');
  document.ondragover = (event) => {
    event.preventDefault();
    drop.classList.add('over');
  };
  document.ondragleave = (event) => event.relatedTarget === null && drop.classList.remove('over');
  document.ondrop = (event) => {
    event.preventDefault();
    drop.classList.remove('over');
    const file = event.dataTransfer.files[0];
    if (file && !byId('new').hidden) {
      choose(file);
    }
  };
  window.onhashchange = route;
  window.addEventListener('beforeunload', (event) => view.isSending && event.preventDefault());
}

async function loadSettings() {
  try {
    const description = await get('/data-prep/openapi.json');
    settings = new Settings(description, byId('main-settings'), byId('more-settings'));
  } catch (error) {
    tell(byId('form-problem'), sentence(error.message), element('a', { href: '' }, 'Reload the page'));
  }
}

byId('place').textContent = LOOPBACK.test(location.hostname)
  ? 'Everything stays on this computer.'
  : `Your chats go to ${location.hostname}, and nowhere else.`;
listen();
await loadSettings();
route();
