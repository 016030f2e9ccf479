// Where the receiver keeps messages: a JSON-lines file, synced before the sender hears 200, and memory for questions.
import * as fs from 'node:fs';
import { Waiters } from './counts.mjs';

const TOP_LEVEL = new Set(['type', 'event', 'messageId', 'userId', 'anonymousId']);
const NOT_FILTERS = new Set(['count', 'timeout_ms', 'since', 'unique', 'endpoint', 'state']);

export class Inbox {
  #file;
  #records = [];
  #ids = new Set(); // write key and messageId, seen before
  #waiters = new Waiters();

  /** Goes on where the file ends, if there is one: a restarted receiver knows its duplicates. */
  constructor(path) {
    if (!path) return;
    this.#file = fs.openSync(path, 'a+');
    const bytes = fs.readFileSync(path);
    const whole = bytes.subarray(0, bytes.lastIndexOf('\n') + 1); // A torn last line was never acknowledged.
    fs.ftruncateSync(this.#file, whole.length);
    for (const line of whole.toString('utf8').split('\n').filter(Boolean)) this.#remember(JSON.parse(line));
  }

  #remember(record) {
    this.#records.push(record);
    this.#ids.add(`${record.write_key} ${record.message.messageId}`);
  }

  /** Appends a batch; on disk when it returns. */
  add(writeKey, messages) {
    const batch = (this.#records.at(-1)?.batch ?? 0) + 1;
    const lines = [];
    for (const message of messages) {
      const record = {
        order: this.#records.length + 1, batch, write_key: writeKey, received_at: new Date().toISOString(),
        duplicate: this.#ids.has(`${writeKey} ${message.messageId}`), message,
      };
      this.#remember(record);
      lines.push(`${JSON.stringify(record)}\n`);
    }
    if (this.#file !== undefined) {
      fs.writeSync(this.#file, lines.join(''));
      fs.fsyncSync(this.#file);
    }
    this.#waiters.check();
  }

  /** Records that fit; `since` is an order, exclusive, and `unique` leaves duplicates out. */
  find({ since = 0, unique = false, write_key: writeKey, ...filter }) {
    const wanted = Object.entries(filter).filter(([name]) => !NOT_FILTERS.has(name));
    return this.#records.filter((record) => record.order > since && !(unique && record.duplicate)
      && (writeKey === undefined || record.write_key === String(writeKey))
      && wanted.every(([name, value]) => String(field(record.message, name)) === String(value)));
  }

  wait({ count = 1, timeout_ms: timeoutMs = 30_000, ...filter }) {
    const answer = (found) => ({ count: found.length, messages: found });
    const ready = () => {
      const found = this.find(filter);
      return found.length >= count ? answer(found) : undefined;
    };
    return this.#waiters.wait(ready, timeoutMs, () => answer(this.find(filter)));
  }

  get size() {
    return this.#records.length;
  }

  duplicates() {
    return this.#records.filter((record) => record.duplicate).length;
  }

  forget() {
    this.#records = [];
    this.#ids.clear();
    if (this.#file !== undefined) fs.ftruncateSync(this.#file);
  }
}

/** event, type, ... stand at the top of a message; flow_id and every other name are looked up in its properties, then its traits. */
const field = (message, name) => (TOP_LEVEL.has(name) ? message[name] : message.properties?.[name] ?? message.traits?.[name]);
