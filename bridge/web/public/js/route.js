/**
 * Where the reader is: all of it stands behind the # of the address (run, tab, task, filters), so that an address
 * can be mailed and the way back works.
 */
export function parseRoute(hash) {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const parts = path.split('/').filter((part) => part !== '').map(decode); // prettier-ignore
  const parameters = Object.fromEntries(new URLSearchParams(query));
  const [first, run, tab, task] = parts;
  if (first === 'connect') return { view: 'connect', parameters };
  // A key may have several values.
  if (first === 'records') return { view: 'records', parameters, query: new URLSearchParams(query) };
  if (first !== 'runs' || run === undefined) return { view: 'runs', parameters };
  if (tab === 'tasks' && task !== undefined) return { view: 'task', run, task, parameters };
  return {
    view: 'run',
    run,
    tab: ['tasks', 'workers', 'failures', 'bottleneck', 'lifeline', 'plots'].includes(tab) ? tab : 'overview',
    parameters,
  };
}

function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // A stray % in an address that somebody typed.
  }
}

/** Parameters that are empty or undefined are left out. */
export function href(parts, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== '' && value !== null);
  const query = new URLSearchParams(given);
  return `#/${parts.map(encodeURIComponent).join('/')}${query.size > 0 ? `?${query}` : ''}`;
}

export const runHref = (run, ...rest) => href(['runs', run, ...rest]);
export const tasksHref = (run, filters) => href(['runs', run, 'tasks'], filters);
export const taskHref = (run, task) => href(['runs', run, 'tasks', String(task)]);
/** `conditions`: an object, or URLSearchParams where a key has several values. */
export function recordsHref(conditions) {
  const given = conditions instanceof URLSearchParams ? [...conditions] : Object.entries(conditions);
  const query = new URLSearchParams(given.filter(([, value]) => value !== undefined && value !== null));
  return `#/records${query.size > 0 ? `?${query}` : ''}`;
}
