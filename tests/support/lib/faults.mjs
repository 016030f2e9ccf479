// Faults that a test switches on for an endpoint: slow, hanging, refused, replaced, cut off or lost answers.
import * as crypto from 'node:crypto';
import { HttpError } from './http.mjs';

const FIELDS = new Set(['endpoint', 'times', 'match', 'delay_ms', 'hang', 'after', 'status', 'headers', 'body', 'garbage', 'reset',
  'close_mid_body']);

export class Faults {
  #faults = [];
  #held = new Set(); // Requests that hang: { endpoint, go }.

  /** A fault applies to the next `times` requests of its endpoint that match, or to all of them until cleared. */
  add(fault) {
    for (const name of Object.keys(fault)) if (!FIELDS.has(name)) throw new HttpError(400, `unknown field ${name} in a fault`);
    if (!fault.endpoint) throw new HttpError(400, 'a fault needs an endpoint');
    this.#faults.push({ ...fault, match: fault.match ?? {} });
  }

  list(endpoint) {
    const held = [...this.#held].filter((request) => !endpoint || request.endpoint === endpoint).length;
    return { faults: this.#faults.filter((fault) => !endpoint || fault.endpoint === endpoint), held };
  }

  /** Takes faults away and lets their hanging requests go on. */
  clear(endpoint) {
    this.#faults = this.#faults.filter((fault) => endpoint && fault.endpoint !== endpoint);
    return this.release(endpoint);
  }

  /** Lets the requests that hang now go on; the fault itself stays. */
  release(endpoint) {
    const held = [...this.#held].filter((request) => !endpoint || request.endpoint === endpoint);
    for (const request of held) request.go();
    return { released: held.length };
  }

  /** Handles a request through `handle`, with the first fault that fits it. `facts` is what `match` looks at. */
  async apply(endpoint, res, handle, facts = {}) {
    const fault = this.#take(endpoint, facts);
    if (!fault) return handle();
    const replaced = fault.reset || fault.garbage || fault.status !== undefined || fault.body !== undefined;
    let body = replacement(fault);
    if (!fault.after && !(await this.#pause(fault, res))) return undefined;
    if (!replaced && !fault.after && !fault.close_mid_body) return handle();
    if (fault.after || !replaced) {
      const real = await capture(res, handle);
      body ??= real;
    }
    if (fault.after && !(await this.#pause(fault, res))) return undefined;
    return answer(fault, res, body);
  }

  #take(endpoint, facts) {
    const fits = (fault) => fault.endpoint === endpoint
      && Object.entries(fault.match).every(([name, value]) => [facts[name] ?? []].flat().map(String).includes(String(value)));
    const fault = this.#faults.find(fits);
    if (fault?.times !== undefined) {
      fault.times -= 1;
      if (fault.times <= 0) this.#faults.splice(this.#faults.indexOf(fault), 1);
    }
    return fault;
  }

  /** Waits out the delay and the hang; false if the client has gone meanwhile. */
  async #pause(fault, res) {
    if (!fault.delay_ms && !fault.hang) return true;
    return new Promise((resolve) => {
      const request = { endpoint: fault.endpoint, go: () => finish(true) };
      const finish = (present) => {
        clearTimeout(timer);
        this.#held.delete(request);
        res.off('close', gone);
        resolve(present);
      };
      const gone = () => finish(false);
      const timer = fault.hang ? undefined : setTimeout(() => finish(true), fault.delay_ms);
      if (fault.hang) this.#held.add(request);
      res.once('close', gone);
    });
  }
}

function replacement(fault) {
  if (fault.garbage) return crypto.randomBytes(fault.garbage === true ? 64 : Number(fault.garbage));
  if (fault.body !== undefined) return Buffer.from(typeof fault.body === 'string' ? fault.body : JSON.stringify(fault.body));
  return fault.status !== undefined ? Buffer.alloc(0) : undefined;
}

/** Runs the real handler, but keeps its answer back. */
async function capture(res, handle) {
  const { write, end } = res;
  const chunks = [];
  const keep = (chunk, encoding) => {
    if (chunk && typeof chunk !== 'function') chunks.push(Buffer.from(chunk, typeof encoding === 'string' ? encoding : 'utf8'));
    return true;
  };
  const ended = new Promise((resolve) => {
    res.write = keep;
    res.end = (chunk, encoding) => {
      keep(chunk, encoding);
      Object.assign(res, { write, end });
      resolve(Buffer.concat(chunks));
      return res;
    };
  });
  try {
    await handle();
  } catch (error) {
    Object.assign(res, { write, end }); // Whoever answers the error needs them.
    throw error;
  }
  return ended;
}

function answer(fault, res, body) {
  if (fault.reset) return cut(res, true);
  if (fault.status !== undefined) res.statusCode = Number(fault.status);
  if (fault.body !== undefined || fault.garbage) res.setHeader('content-type', 'application/json');
  for (const [name, value] of Object.entries(fault.headers ?? {})) res.setHeader(name, value);
  res.setHeader('content-length', body.length);
  if (!fault.close_mid_body) return res.end(body);
  return res.write(body.subarray(0, Math.floor(body.length / 2)), () => cut(res, false));
}

/** Ends the connection without an answer: by a TCP reset, or by closing it. */
function cut(res, hard) {
  const { socket } = res;
  if (!socket) return;
  if (hard && !socket.encrypted) socket.resetAndDestroy();
  else socket.destroy();
}
