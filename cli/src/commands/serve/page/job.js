// A run on its way: sent, waiting, worked on, and then its result or what went wrong.

import { announce, byId, button, element, show, tell } from './elements.js';
import { report, result, statistics } from './result.js';
import { Refused, Unreachable, call, get, jobPath } from './service.js';
import { count, duration, sentence, size, time } from './words.js';

/** How often a run is asked after, in milliseconds; more seldom while there is no answer. */
const LOOK = 500;
const LONGEST_PAUSE = 8000;

const STAGES = {
  preparing: 'Getting ready…',
  reading: 'Reading the chats',
  writing: 'Writing the examples…',
  done: 'Nearly done…',
};

const pause = (milliseconds) => new Promise((resolve) => { setTimeout(resolve, milliseconds); });

/** The part of the page that shows one run. */
export class JobView {
  #again;
  /** Counts up whenever another run is shown, so that what waits for an earlier one ends. */
  #shown = 0;
  #runId = null;
  #upload = null;
  isSending = false;

  /** `again` has the ways on: `start(upload, target)`, `change(upload, key)`, `sent(runId)` and `removed()`. */
  constructor(again) {
    this.#again = again;
    byId('delete').onclick = () => (this.isSending ? this.#again.change(this.#upload) : this.#askToDelete());
  }

  /** Nothing is shown any more. An upload is broken off. */
  leave() {
    this.#shown += 1;
    this.#upload?.abandon();
    this.#upload = null;
    this.isSending = false;
  }

  #begin(title) {
    this.#shown += 1;
    ['job-problem', 'job-progress', 'delete'].forEach((id) => show(byId(id), false));
    show(byId('start-again'));
    byId('job-result').replaceChildren();
    byId('job-about').textContent = '';
    this.#title(title);
    byId('job-title').focus();
    return this.#shown;
  }

  #title(text) {
    byId('job-title').textContent = text;
    document.title = `${text} – Resonare`;
    announce(text);
  }

  #offerToStop(text) {
    show(byId('delete'));
    byId('delete').textContent = text;
  }

  #progress(text, part) {
    const bar = byId('bar');
    show(byId('job-progress'));
    show(byId('job-stay'), !this.isSending);
    byId('job-stage').textContent = text;
    if (part === null) {
      bar.removeAttribute('value');
    } else {
      bar.value = Math.floor(part * 100);
      const quarters = Math.floor(part * 4) * 25;
      announce(`${text.split(':')[0]}: ${quarters} %`);
    }
  }

  /** Sends an export, and then watches its run. */
  async send(upload) {
    const shown = this.#begin('Sending your export');
    this.#upload = upload;
    this.#runId = upload.runId;
    byId('job-about').textContent = `${upload.file.name}, ${size(upload.file.size)}`;
    this.#offerToStop('Stop sending');
    show(byId('start-again'), false);
    this.isSending = true;
    const begun = performance.now();
    let first = null;
    this.#progress('Sending', 0);
    const onSent = (bytes) => {
      if (shown !== this.#shown) {
        return;
      }
      first ??= bytes;
      const seconds = (performance.now() - begun) / 1000;
      const left = ((upload.file.size - bytes) * seconds) / Math.max(bytes - first, 1);
      const rest = seconds > 3 && left > 3 ? `, ${duration(left)} left` : '';
      const sent = `${size(bytes)} of ${size(upload.file.size)}`;
      this.#progress(`Sending: ${sent}${rest}`, bytes / upload.file.size);
    };
    try {
      await upload.send(onSent);
    } catch (error) {
      if (shown === this.#shown) {
        this.isSending = false;
        this.#sendingFailed(upload, error);
      }
      return;
    }
    this.isSending = false;
    if (shown === this.#shown) {
      this.#again.sent(upload.runId);
      await this.watch(upload.runId, upload);
    }
  }

  #sendingFailed(upload, error) {
    ['job-progress', 'delete'].forEach((id) => show(byId(id), false));
    show(byId('start-again'));
    this.#title('Your export was not sent');
    const again = button('Try again', () => this.send(upload), 'primary');
    const isUnreadable = !(error instanceof Refused || error instanceof Unreachable);
    const text = error instanceof Unreachable
      ? 'The connection to the service was lost. Your file is still chosen; parts that have arrived aren’t sent again.'
      : isUnreadable ? `The file could not be read (${error.message}). Is it still where it was?`
        : sentence(error.message);
    tell(byId('job-problem'), text, again, ...this.#waysToChange(text, upload));
    again.focus();
  }

  /** Shows a run until it has ended. */
  async watch(runId, upload = null) {
    const shown = this.#begin('Preparing your examples');
    this.#runId = runId;
    this.#upload = upload;
    let wait = LOOK;
    while (shown === this.#shown) {
      let job;
      try {
        job = await get(jobPath(runId));
      } catch (error) {
        if (shown === this.#shown) {
          wait = Math.min(wait * 2, LONGEST_PAUSE);
          if (this.#cannotLook(error)) {
            return;
          }
        }
        await pause(wait);
        continue;
      }
      if (shown !== this.#shown) {
        return;
      }
      wait = LOOK;
      tell(byId('job-problem'), '');
      if (await this.#showState(job, shown)) {
        return;
      }
      await pause(wait);
    }
  }

  /** Says why there is no answer. Whether there won't be one. */
  #cannotLook(error) {
    if (error instanceof Unreachable) {
      const text = 'The connection to the service was lost. Trying again…';
      if (byId('job-problem').hidden) {
        tell(byId('job-problem'), text);
      }
      return false;
    }
    show(byId('job-progress'), false);
    if (error.status === 404) {
      this.#title('There is no such run');
      tell(byId('job-problem'), 'It was deleted, or it has expired: runs are kept for a few days only.');
      return true;
    }
    tell(byId('job-problem'), sentence(error.message));
    return false;
  }

  /** Shows how a run is. Whether it has ended. */
  async #showState(job, shown) {
    this.#offerToStop('Delete this run');
    byId('job-about').textContent = `Started ${time(job.created_at)}`;
    switch (job.status) {
      case 'COMPLETED':
        show(byId('job-progress'), false);
        this.#title('Your examples are ready');
        await this.#showResult(job, shown);
        return true;
      case 'FAILED':
        show(byId('job-progress'), false);
        this.#title('That didn’t work');
        await this.#showFailure(job, shown);
        return true;
      default:
        this.#offerToStop('Stop and delete');
        this.#showProgress(job);
        return false;
    }
  }

  #showProgress(job) {
    const { progress, position_in_queue: position, error_message: why } = job;
    if (job.status === 'RUNNING' && progress) {
      const part = progress.bytes_total ? progress.bytes_read / progress.bytes_total : 0;
      const isReading = progress.stage === 'reading';
      const read = `${size(progress.bytes_read)} of ${size(progress.bytes_total)}`;
      const text = isReading ? `${STAGES.reading}: ${read}` : STAGES[progress.stage];
      this.#progress(text, isReading ? part : null);
    } else if (job.status === 'AWAITING_UPLOAD') {
      this.#progress('Its export has not arrived. If no other window is sending it, delete this run.', null);
    } else if (position > 1) {
      this.#progress(`Waiting for ${count(position - 1, 'other run')}`, null);
    } else {
      this.#progress(why ? sentence(why) : 'Waiting to start…', null);
    }
  }

  async #showResult(job, shown) {
    try {
      const parts = await result(job, (said) => this.#waysToChange(said, this.#upload));
      if (shown === this.#shown) {
        byId('job-result').replaceChildren(...parts);
      }
    } catch (error) {
      if (shown === this.#shown) {
        const again = button('Try again', () => this.watch(job.run_id, this.#upload), 'primary');
        tell(byId('job-problem'), sentence(error.message), again);
      }
    }
  }

  async #showFailure(job, shown) {
    const upload = this.#upload;
    let senders = [];
    try {
      senders = (await statistics(job))?.senders ?? [];
    } catch {
      // The error says as much as there is.
    }
    if (shown !== this.#shown) {
      return;
    }
    if (senders.length > 0) {
      this.#offer(senders, upload);
      return;
    }
    const said = job.error_message ?? 'no reason was given';
    tell(byId('job-problem'), sentence(said), ...this.#waysToChange(said, upload));
    const read = await report(job).catch(() => null);
    if (read && shown === this.#shown) {
      byId('job-result').replaceChildren(read);
    }
  }

  /** Leads to the settings that a text names, and to all of them. The export is still chosen. */
  #waysToChange(said, upload) {
    if (!upload) {
      return [];
    }
    const ways = this.#again.settingsNamedIn(said).slice(0, 3).map(([key, name]) => button(
      `Change “${name}”`, () => this.#again.change(upload, key), 'quiet',
    ));
    return [...ways, button('Back to the settings', () => this.#again.change(upload), 'quiet')];
  }

  /** Lets whoever reads it choose among the senders, and starts again with the one that they choose. */
  #offer(senders, upload) {
    const buttons = senders.map(({ sender, messages }) => {
      const made = button('', () => this.#again.start(upload, sender), 'sender');
      made.append(element('span', {}, sender), element('span', { className: 'hint' }, count(messages, 'message')));
      return made;
    });
    const target = upload?.config.target_name;
    const why = target ? `Nobody here is called “${target}”.` : 'It isn’t clear whose export this is.';
    const once = upload ? '' : ' You will need to choose the file again.';
    this.#title('Whose writing should the model learn?');
    byId('job-result').replaceChildren(
      element('p', {}, `${why} Choose whom the model should write like.${once}`),
      element('div', { className: 'senders' }, ...buttons),
    );
  }

  async #askToDelete() {
    const dialog = byId('ask-delete');
    byId('delete-no').onclick = () => dialog.close();
    byId('delete-yes').onclick = async () => {
      dialog.close();
      const runId = this.#runId;
      try {
        await call('DELETE', jobPath(runId));
      } catch (error) {
        if (error.status !== 404) {
          tell(byId('job-problem'), sentence(error.message));
          return;
        }
      }
      this.leave();
      this.#again.removed();
    };
    dialog.showModal();
    byId('delete-no').focus();
  }
}
