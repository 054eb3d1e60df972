// Taking pictures in: files from here or a folder of the server's, with progress and the list of what was left out.

import * as api from './api.js';
import { announce, counted, dialog, h, icon } from './dom.js';

/** Sent at once at most; a server takes 32 MiB unless it is told otherwise. */
const MOST_BYTES = 24 << 20;
const MOST_FILES = 500;

/**
 * @param {string} collection
 * @param {Session} session
 * @param {() => Promise<void>} changed Called when pictures were taken in.
 */
export function openIngest(collection, session, changed) {
  const panel = new Panel(collection, session, changed);
  const listening = panel.listening;
  dialog('ingest', `Add pictures to ${collection}`, [panel.element], () => listening.abort());
  panel.resume().catch((error) => panel.complain(error));
}

class Panel {
  listening = new AbortController();

  /** @param {string} collection @param {Session} session @param {() => Promise<void>} changed */
  constructor(collection, session, changed) {
    this.collection = collection;
    this.changed = changed;
    this.place = h('div', { class: 'stack' });
    this.element = h(
      'div',
      { class: 'stack' },
      this.place,
      session.features.upload && this.bay(),
      session.features.ingest && this.folder(session.features.upload),
    );
  }

  /** Where files are dropped. */
  bay() {
    const file = h('input', {
      type: 'file',
      multiple: true,
      accept: 'image/*',
      class: 'unseen',
      tabindex: '-1',
      'aria-hidden': 'true',
      id: 'ingest-files',
    });
    file.addEventListener('change', () => this.send([...(file.files ?? [])]));
    const choose = h(
      'button',
      { type: 'button', class: 'strong', onclick: () => file.click() },
      icon('file'),
      'Choose files',
    );
    const bay = h('div', { class: 'bay' }, h('p', {}, 'Drop pictures here'), choose, file);
    bay.addEventListener('dragover', (event) => {
      event.preventDefault();
      bay.classList.add('over');
    });
    bay.addEventListener('dragleave', () => bay.classList.remove('over'));
    bay.addEventListener('drop', (event) => {
      event.preventDefault();
      bay.classList.remove('over');
      this.send([...(event.dataTransfer?.files ?? [])]);
    });
    return bay;
  }

  /** @param {boolean} second Whether files can be sent as well. */
  folder(second) {
    const field = h('input', {
      type: 'text',
      id: 'folder',
      placeholder: '2024/summer; left empty: all of it',
      spellcheck: 'false',
    });
    const form = h(
      'form',
      { class: 'stack' },
      h('label', { for: 'folder' }, `${second ? 'Or a' : 'A'} folder on the server, below the one it may take in`),
      h('div', { class: 'row' }, field, h('button', { type: 'submit' }, icon('folder'), 'Take it in')),
    );
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.begin({ folder: field.value.trim() });
    });
    return form;
  }

  /** @param {File[]} files */
  send(files) {
    if (files.length) void this.begin({ files });
  }

  /** A job of this collection that runs already is shown at once. */
  async resume() {
    const { jobs } = await api.jobs().catch(() => ({ jobs: [] }));
    const running = jobs.find(
      (job) =>
        job.kind === 'ingest' &&
        job.collection === this.collection &&
        (job.state === 'running' || job.state === 'queued'),
    );
    if (running) await this.finish(await this.watch(running.job));
  }

  /** @param {{ folder: string } | { files: File[] }} what */
  async begin(what) {
    this.place.replaceChildren(
      h(
        'p',
        { role: 'status' },
        'files' in what ? `Sending ${counted(what.files.length, 'file')} …` : 'Asking the server …',
      ),
    );
    /** @type {Job | undefined} */
    let all;
    try {
      for (const part of 'files' in what ? batches(what.files) : [what]) {
        const { job } = await api.ingest(this.collection, part);
        all = joined(all, await this.watch(job));
        if (all.state !== 'done') break;
      }
    } catch (error) {
      this.complain(error);
    }
    if (all) await this.finish(all);
  }

  /** @param {Job} job */
  async finish(job) {
    this.tell(job);
    await this.changed();
  }

  /** @param {unknown} error */
  complain(error) {
    if (!(error instanceof api.Problem)) throw error;
    this.place.replaceChildren(h('p', { class: 'wrong', role: 'alert' }, `${error.title}. ${error.detail}`));
  }

  /** Shows the progress of a job to its end. @param {string} job */
  watch(job) {
    const bar = h('progress', { 'aria-label': 'Progress' });
    const text = h('p', { role: 'status' });
    const stop = h(
      'button',
      { type: 'button', onclick: () => void api.cancelJob(job).catch((error) => this.complain(error)) },
      'Stop',
    );
    this.place.replaceChildren(h('div', { class: 'progress' }, text, bar, h('div', {}, stop)));
    /** @param {Job} now */
    const show = (now) => {
      if (now.total > 0) Object.assign(bar, { max: now.total, value: now.done });
      else bar.removeAttribute('value');
      text.textContent =
        now.state === 'queued'
          ? 'Waiting for another job'
          : `${capital(now.phase || 'Beginning')}: ${now.done.toLocaleString('en')}${now.total > 0 ? ` of ${now.total.toLocaleString('en')}` : ''}`;
    };
    return api.follow(job, show, this.listening.signal);
  }

  /** @param {Job} job */
  tell(job) {
    const { report } = job;
    const title = {
      done: 'Done',
      failed: 'It did not work',
      cancelled: 'Stopped; what was taken in stays',
      queued: 'Waiting',
      running: 'Running',
    }[job.state];
    const why = typeof job.error === 'string' ? job.error : (job.error?.detail ?? job.error?.title);
    const tally =
      report &&
      [
        ['added', report.added],
        ['unchanged', report.unchanged],
        ['changed', report.changed],
        ['doubles', report.duplicates],
        ['left out', report.skipped_count ?? report.skipped.length],
      ].map(([name, count]) => h('div', {}, h('b', {}, Number(count).toLocaleString('en')), name));
    const skipped = report?.skipped ?? [];
    const unreadable = Object.entries(report?.unreadable ?? {});
    this.place.replaceChildren(
      ...[
        h('h3', {}, title),
        why && h('p', { class: 'wrong', role: 'alert' }, why),
        tally && h('div', { class: 'tally' }, tally),
        report &&
          report.warnings.length > 0 &&
          h(
            'ul',
            {},
            report.warnings.map((warning) => h('li', { class: 'note' }, warning)),
          ),
        unreadable.length > 0 &&
          h(
            'ul',
            {},
            unreadable.map(([format, files]) =>
              h('li', { class: 'note' }, `${counted(files, `${format} file`)} cannot be read yet`),
            ),
          ),
        skipped.length > 0 && h('h3', {}, `Left out: ${counted(report?.skipped_count ?? skipped.length, 'file')}`),
        skipped.length > 0 &&
          h(
            'ul',
            { class: 'skipped', tabindex: '0', 'aria-label': 'Files left out' },
            skipped.map((one) => h('li', {}, h('b', {}, sentName(one.path)), h('br'), one.reason)),
          ),
      ].filter((one) => one instanceof Node),
    );
    announce(
      report
        ? `${title}. ${counted(report.added, 'picture')} added, ${counted(skipped.length, 'file')} left out`
        : title,
    );
  }
}

/** A file that was sent is kept under its name behind a number of the server's. @param {string} path */
function sentName(path) {
  return path.replace(/^[0-9a-f]{16}-/, '');
}

/** Files in parts that a server takes at once. @param {File[]} files */
function batches(files) {
  /** @type {{ files: File[] }[]} */
  const parts = [];
  let bytes = Infinity;
  for (const file of files) {
    if (bytes + file.size > MOST_BYTES || (parts.at(-1)?.files.length ?? 0) >= MOST_FILES) {
      parts.push({ files: [] });
      bytes = 0;
    }
    parts.at(-1)?.files.push(file);
    bytes += file.size;
  }
  return parts;
}

/** Two jobs told as one: what they did adds up. @param {Job | undefined} before @param {Job} now @returns {Job} */
function joined(before, now) {
  if (!before?.report || !now.report) return now;
  const [a, b] = [before.report, now.report];
  const sum = /** @type {IngestReport} */ ({ ...b });
  for (const key of /** @type {const} */ ([
    'seen',
    'unchanged',
    'added',
    'changed',
    'moved',
    'duplicates',
    'gone',
    'ignored',
    'seconds',
  ]))
    sum[key] = a[key] + b[key];
  sum.unreadable = { ...a.unreadable };
  for (const [format, files] of Object.entries(b.unreadable ?? {}))
    sum.unreadable[format] = (sum.unreadable[format] ?? 0) + files;
  sum.skipped_count = (a.skipped_count ?? a.skipped.length) + (b.skipped_count ?? b.skipped.length);
  sum.skipped = [...a.skipped, ...b.skipped];
  sum.warnings = [...a.warnings, ...b.warnings];
  return { ...now, report: sum };
}

/** @param {string} text */
function capital(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
