/**
 * The API, and word of what changed. Addresses are relative, so that the page also works behind a proxy's path.
 * The browser asks with the ETag it has: what did not change is not sent again.
 */
export class ApiError extends Error {
  constructor(status, { error, hint }) {
    super(error);
    this.status = status;
    this.hint = hint;
  }
}

export async function get(path, parameters = {}, signal = undefined) {
  const given = parameters instanceof URLSearchParams ? [...parameters] : Object.entries(parameters);
  const query = new URLSearchParams(given.filter(([, value]) => value !== undefined && value !== ''));
  const response = await fetch(`api/${path}${query.size > 0 ? `?${query}` : ''}`, { signal });
  if (response.status === 401) location.reload(); // The page that asks for the token.
  const body = await response.json().catch(() => ({ error: `the answer to ${path} is not JSON`, hint: '' }));
  if (!response.ok) throw new ApiError(response.status, body);
  return body;
}

export const runPath = (run, ...rest) => ['runs', run, ...rest].map(encodeURIComponent).join('/');

/** Calls `changed(runs)` as runs change, `changed(undefined)` when anything may have; `linked(bool)` with the connection. */
export function follow(changed, linked) {
  const source = new EventSource('api/live');
  let isFirst = true;
  source.addEventListener('hello', () => {
    linked(true);
    // Whatever changed while there was no connection was not told.
    if (!isFirst) changed(undefined);
    isFirst = false;
  });
  source.addEventListener('runs', ({ data }) => changed(new Set(JSON.parse(data).runs)));
  source.addEventListener('error', () => {
    linked(false);
    // A browser gives up for good where it got an answer that is no stream, such as from a proxy.
    if (source.readyState === EventSource.CLOSED) setTimeout(() => follow(changed, linked), 3000);
  });
  return source;
}
