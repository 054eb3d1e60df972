// The server, as functions. Whatever goes wrong becomes a Problem that says what happened and what to do.

/** What the server, or the way to it, has against a request. */
export class Problem extends Error {
  /** @param {number} status 0 when no answer came. @param {string} title @param {string} detail @param {number} [retry] Seconds. */
  constructor(status, title, detail, retry = 0) {
    super(detail || title);
    this.status = status;
    this.title = title;
    this.detail = detail;
    this.retry = retry;
  }
}

/** What a status means to a person; the server's own words say more below it. */
const HEADLINES = /** @type {Record<number, string>} */ ({
  400: 'This could not be understood',
  401: 'A token is needed',
  403: 'Not allowed',
  404: 'Not there',
  408: 'It took too long to send',
  410: 'No longer there',
  413: 'Too large',
  415: 'Not a picture',
  422: 'This cannot be done',
  500: 'The server made a mistake',
  503: 'The server is busy',
  504: 'It took too long',
});
/** A busy server is asked again so often by itself. */
const AGAIN = 2;

/** @type {() => void} */
let locked = () => {};

/** @param {() => void} handler Called when a token is needed. */
export function onLocked(handler) {
  locked = handler;
}

/**
 * @param {string} path
 * @param {RequestInit} [options]
 * @param {number} [again] How often a busy server is asked again.
 * @returns {Promise<Response>}
 */
async function ask(path, options = {}, again = AGAIN) {
  let response;
  try {
    response = await fetch(path, { credentials: 'same-origin', ...options });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw new Problem(
      0,
      'The server does not answer',
      'Is “vizsla serve” still running? Start it again and reload the page.',
    );
  }
  if (response.ok) return response;
  const said = await response.json().catch(() => ({}));
  const retry = Number(response.headers.get('retry-after')) || 0;
  if (response.status === 503 && retry > 0 && retry <= 5 && again > 0) {
    await new Promise((resolve) => setTimeout(resolve, retry * 1000));
    options.signal?.throwIfAborted();
    return ask(path, options, again - 1);
  }
  const detail = String(said.detail ?? '');
  const problem = new Problem(
    response.status,
    HEADLINES[response.status] ?? said.title ?? `Status ${response.status}`,
    detail.charAt(0).toUpperCase() + detail.slice(1),
    retry,
  );
  if (response.status === 401 && !path.endsWith('/session')) locked();
  throw problem;
}

/**
 * @template T
 * @param {string} path
 * @param {AbortSignal} [signal]
 * @returns {Promise<T>}
 */
export async function get(path, signal) {
  return (await ask(path, { signal, headers: { accept: 'application/json' } })).json();
}

/**
 * @param {string} path
 * @param {unknown} body
 * @param {AbortSignal} [signal]
 */
function post(path, body, signal) {
  const headers = { 'content-type': 'application/json', accept: 'application/json' };
  return ask(path, { method: 'POST', signal, headers, body: JSON.stringify(body) });
}

/** @param {string} collection */
const base = (collection) => `/v1/collections/${encodeURIComponent(collection)}`;

/** @returns {Promise<Session>} */
export const session = () => get('/v1/session');

/** @param {string} token */
export const signIn = (token) => post('/v1/session', { token });

export const signOut = () => ask('/v1/session', { method: 'DELETE' });

/** @returns {Promise<{ collections: CollectionInfo[] }>} */
export const collections = () => get('/v1/collections');

/**
 * Commas stay as they are: a selection on the map is a long list of numbers.
 * @param {Record<string, string | number>} values
 */
function queryText(values) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) if (value !== '') query.set(key, String(value));
  const text = query.toString().replaceAll('%2C', ',');
  return text ? `?${text}` : '';
}

/**
 * @param {string} collection
 * @param {{ where: string, offset: number, limit: number }} page
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ total: number, images: Picture[] }>}
 */
export const images = (collection, page, signal) => get(`${base(collection)}/images${queryText(page)}`, signal);

/**
 * The first `most` pictures that meet a condition, page by page.
 * @param {string} collection
 * @param {string} where
 * @param {number} most
 * @param {AbortSignal} signal
 */
export async function everyImage(collection, where, most, signal) {
  /** @type {Picture[]} */
  const pictures = [];
  for (let total = 1; pictures.length < Math.min(total, most);) {
    const page = await images(collection, { where, offset: pictures.length, limit: 200 }, signal);
    if (!page.images.length) break;
    total = page.total;
    pictures.push(...page.images);
  }
  return pictures;
}

/**
 * @param {string} collection
 * @param {number} image
 * @returns {Promise<Picture>}
 */
export const image = (collection, image) => get(`${base(collection)}/images/${image}`);

/**
 * @param {string} collection
 * @param {number} image
 */
export const remove = (collection, image) => ask(`${base(collection)}/images/${image}`, { method: 'DELETE' });

/**
 * @param {string} collection
 * @param {number} image
 * @param {128 | 256 | 512 | 1024} size
 */
export const thumbnail = (collection, image, size) => `${base(collection)}/images/${image}/thumbnail?size=${size}`;

/**
 * @param {string} collection
 * @param {string} where
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ facets: Facet[] }>}
 */
export const facets = (collection, where, signal) => get(`${base(collection)}/facets${queryText({ where })}`, signal);

/**
 * @param {string} collection
 * @param {{ parts: Part[], where: string, channels: string[], mirrored: boolean, limit: number, offset: number }} wanted
 * @param {AbortSignal} [signal]
 * @returns {Promise<Answer>}
 */
export async function search(collection, wanted, signal) {
  const { where, channels, ...rest } = wanted;
  const body = { ...rest, where: where || undefined, channels: channels.length ? channels : undefined };
  return (await post(`${base(collection)}/search`, body, signal)).json();
}

/**
 * @param {string} collection
 * @param {Part} part
 * @param {number} image
 * @param {{ kind: 'matches', mirrored: boolean } | { kind: 'heat' }} how
 * @param {AbortSignal} signal
 */
async function explain(collection, part, image, how, signal) {
  return (await post(`${base(collection)}/explain`, { part, image, ...how }, signal)).json();
}

/** @param {string} collection @param {Part} part @param {number} image @param {boolean} mirrored @param {AbortSignal} signal @returns {Promise<Matches>} */
export const matches = (collection, part, image, mirrored, signal) =>
  explain(collection, part, image, { kind: 'matches', mirrored }, signal);

/** @param {string} collection @param {Part} part @param {number} image @param {AbortSignal} signal @returns {Promise<Heat>} */
export const heat = (collection, part, image, signal) => explain(collection, part, image, { kind: 'heat' }, signal);

/**
 * @param {Blob} file
 * @returns {Promise<{ upload: string, width: number, height: number }>}
 */
export async function upload(file) {
  const headers = { 'content-type': file.type || 'application/octet-stream' };
  return (await ask('/v1/uploads', { method: 'POST', headers, body: file })).json();
}

/**
 * @param {string} url
 * @returns {Promise<{ upload: string, width: number, height: number }>}
 */
export const fetchPicture = async (url) => (await post('/v1/fetch', { url })).json();

/**
 * Where a part's picture is to be seen.
 * @param {string} collection
 * @param {Part} part
 * @param {128 | 256 | 512 | 1024} [size] Of a picture of the collection; one that was sent is shown as it is.
 */
export function partPicture(collection, part, size = 1024) {
  return part.image !== undefined ? thumbnail(collection, part.image, size) : `/v1/uploads/${part.upload}`;
}

/**
 * Takes pictures in: a folder of the server's, or files from here.
 * @param {string} collection
 * @param {{ folder: string } | { files: File[] }} what
 * @returns {Promise<{ job: string }>}
 */
export async function ingest(collection, what) {
  const path = `${base(collection)}/ingest`;
  if ('folder' in what) return (await post(path, what)).json();
  const form = new FormData();
  for (const file of what.files) form.append('file', file, file.name);
  return (await ask(path, { method: 'POST', body: form })).json();
}

/** @param {string} job */
export const cancelJob = (job) => ask(`/v1/jobs/${encodeURIComponent(job)}`, { method: 'DELETE' });

/** @returns {Promise<{ jobs: Job[] }>} */
export const jobs = () => get('/v1/jobs');

/**
 * Follows a job to its end.
 * @param {string} job
 * @param {(job: Job) => void} progress
 * @param {AbortSignal} [signal] Stops listening, not the job.
 * @returns {Promise<Job>}
 */
export function follow(job, progress, signal) {
  return new Promise((resolve, reject) => {
    const source = new EventSource(`/v1/jobs/${encodeURIComponent(job)}/events`);
    signal?.addEventListener('abort', () => source.close());
    source.addEventListener('progress', (event) => progress(JSON.parse(event.data)));
    source.addEventListener('end', (event) => {
      source.close();
      resolve(JSON.parse(event.data));
    });
    source.addEventListener('error', () => {
      // The browser tries again by itself unless the server refused.
      if (source.readyState !== EventSource.CLOSED) return;
      get(`/v1/jobs/${encodeURIComponent(job)}`).then(
        () =>
          reject(
            new Problem(0, 'Progress cannot be followed', 'The job may still be running; reload the page to see.'),
          ),
        reject,
      );
    });
  });
}

/**
 * @param {string} collection
 * @param {MapMethod} method
 * @param {AbortSignal} signal
 * @returns {Promise<MapAnswer | { job: string }>}
 */
export const map = (collection, method, signal) => get(`${base(collection)}/map?method=${method}`, signal);

/** @returns {Promise<{ runs: RunSummary[] }>} */
export const runs = () => get('/v1/runs');

/** @param {string} name @returns {Promise<Run>} */
export const run = (name) => get(`/v1/runs/${encodeURIComponent(name)}`);

/** @param {string} name @param {string} file */
export const runPicture = (name, file) =>
  `/v1/runs/${encodeURIComponent(name)}/picture?file=${encodeURIComponent(file)}`;

/** @param {string} name */
export const runReport = (name) => `/v1/runs/${encodeURIComponent(name)}/report`;
