// The server form of a login driver: POST /open makes one login; others may wait for the results.
import { startAdmin } from './admin.mjs';
import { Waiters } from './counts.mjs';
import { HttpError } from './http.mjs';
import { flagsOfMode } from './person.mjs';

/**
 * `open(url, flags)` makes the login and gives its result. Results are kept in the order in which the logins ended.
 * { detach: true } answers at once, { mode: 'bob' } is the one-word form of the flags.
 */
export async function serveOpen(open, { port }) {
  const results = [];
  const opened = [];
  const waiters = new Waiters();

  const one = async (url, flags) => {
    const result = await open(url, flags).catch((error) => ({ ok: false, error: error.message }));
    results.push(result);
    waiters.check();
    return result;
  };

  return startAdmin({
    'POST /open': ({ url, mode, detach, ...given }) => {
      if (!url) throw new HttpError(400, 'url is missing');
      const { none, ...flags } = { ...(mode && flagsOfMode(String(mode))), ...given };
      opened.push(url);
      waiters.check();
      if (none) return { ok: true, opened: opened.length };
      const done = one(url, flags);
      return detach ? { ok: true, opened: opened.length } : done;
    },
    'GET /results': () => results,
    'GET /opened': () => opened,
    'GET /wait': ({ count = 1, state = 'finished', timeout_ms: timeoutMs = 30_000 }) => {
      const list = state === 'opened' ? opened : results;
      return waiters.wait(() => (list.length >= count ? list : undefined), timeoutMs, () => ({ count: list.length }));
    },
    'POST /reset': () => {
      results.length = 0;
      opened.length = 0;
    },
  }, { port });
}
