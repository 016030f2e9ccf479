// Counts requests per endpoint, and lets a test wait for a number of them without polling.
import { HttpError } from './http.mjs';

/** Waits until `ready()` gives something other than undefined; `check` must be called after every change. */
export class Waiters {
  #waiting = new Set();

  check() {
    for (const waiter of this.#waiting) waiter();
  }

  wait(ready, timeoutMs, describe) {
    const now = ready();
    if (now !== undefined) return Promise.resolve(now);
    return new Promise((resolve, reject) => {
      const look = () => {
        const value = ready();
        if (value !== undefined) finish(() => resolve(value));
      };
      const timer = setTimeout(() => finish(() => reject(new HttpError(408, 'timeout', describe()))), timeoutMs);
      const finish = (settle) => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        settle();
      };
      this.#waiting.add(look);
    });
  }
}

export class Counts {
  #counts = new Map();
  #waiters = new Waiters();

  /** One request has arrived; its answer is counted when it has been sent whole. */
  arrived(endpoint, res) {
    this.#add(endpoint, 'arrived');
    res.once('finish', () => this.#add(endpoint, 'answered'));
  }

  #of(endpoint) {
    return this.#counts.get(endpoint) ?? { arrived: 0, answered: 0 };
  }

  #add(endpoint, state) {
    const counts = this.#of(endpoint);
    this.#counts.set(endpoint, { ...counts, [state]: counts[state] + 1 });
    this.#waiters.check();
  }

  all() {
    return Object.fromEntries(this.#counts);
  }

  reset() {
    this.#counts.clear();
  }

  /** Answers once `count` requests have arrived (or been answered) since the last reset. */
  wait({ endpoint, count = 1, state = 'arrived', timeout_ms: timeoutMs = 30_000 }) {
    const now = () => ({ endpoint, ...this.#of(endpoint) });
    return this.#waiters.wait(() => (this.#of(endpoint)[state] >= Number(count) ? now() : undefined), Number(timeoutMs), now);
  }
}
