// The admin server that tests talk to: JSON over plain HTTP on a port of its own.
import { HttpError, listen, readBody, sendJson } from './http.mjs';

/**
 * Starts it. `routes` maps 'GET /path' to a function of one object: the query's parameters and, for JSON bodies, the
 * body's members. What it returns is the answer; an HttpError is that status with {"error": message}.
 */
export async function startAdmin(routes, { port = 0 } = {}) {
  return listen(async (req, res) => {
    try {
      const url = new URL(req.url, 'http://admin');
      const route = routes[`${req.method} ${url.pathname}`];
      if (!route) throw new HttpError(404, `no such admin call: ${req.method} ${url.pathname}`);
      const body = await readBody(req);
      const input = { ...fromQuery(url.searchParams), ...(body.length && parseJson(body)) };
      sendJson(res, 200, (await route(input)) ?? {});
    } catch (error) {
      sendJson(res, error.status ?? 500, { error: error.message, ...error.extra });
    }
  }, { port });
}

/** The calls that every program has: what arrived, and what goes wrong. */
export const commonRoutes = (counts, faults) => ({
  'GET /counts': () => counts.all(),
  'POST /reset': () => counts.reset(),
  'GET /wait': (query) => counts.wait(query),
  'GET /faults': ({ endpoint }) => faults.list(endpoint),
  'POST /faults': (fault) => {
    faults.add(fault);
    return faults.list(fault.endpoint);
  },
  'DELETE /faults': ({ endpoint }) => faults.clear(endpoint),
  'POST /release': ({ endpoint }) => faults.release(endpoint),
});

function parseJson(body) {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new HttpError(400, 'the body is not JSON');
  }
}

/** a=1&b=true&headers.retry-after=2 as { a: 1, b: true, headers: { 'retry-after': 2 } }. */
function fromQuery(params) {
  const values = {};
  for (const [name, text] of params) {
    const dot = name.indexOf('.');
    const value = /^(true|false|0|[1-9]\d{0,14})$/.test(text) ? JSON.parse(text) : text;
    if (dot < 0) values[name] = value;
    else (values[name.slice(0, dot)] ??= {})[name.slice(dot + 1)] = value;
  }
  return values;
}
