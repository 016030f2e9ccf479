#!/usr/bin/env node
// A Segment-compatible receiver: takes batches, keeps them on disk, answers questions about them. README.md has the calls.
import { commonRoutes, startAdmin } from './lib/admin.mjs';
import { Counts } from './lib/counts.mjs';
import { Faults } from './lib/faults.mjs';
import { listen, readBody, sendJson } from './lib/http.mjs';
import { Inbox } from './lib/inbox.mjs';
import { endOnSignal, readOptions, run } from './lib/program.mjs';
import { factsOf, parseBatch, writeKey } from './lib/segment.mjs';

const DEFAULTS = {
  host: '127.0.0.1', port: 0, admin_port: 0, tls_cert: '', tls_key: '', file: '', write_keys: [], until_stdin_closes: false,
};

run(async () => {
  const { options } = readOptions(DEFAULTS);
  const inbox = new Inbox(options.file);
  const counts = new Counts();
  const faults = new Faults();

  const receive = async (req, res) => {
    if (req.method !== 'POST' || new URL(req.url, 'http://receiver').pathname !== '/v1/batch') {
      return sendJson(res, 404, { success: false, message: 'not found' });
    }
    const raw = await readBody(req);
    counts.arrived('batch', res);
    // A fault needs no valid batch, but one that matches on messages does; so the facts are read leniently first.
    let key;
    let messages = [];
    let refusal;
    try {
      key = writeKey(req.headers, options.write_keys);
      messages = parseBatch(raw, req.headers);
    } catch (error) {
      refusal = error;
    }
    return faults.apply('batch', res, () => {
      if (refusal) throw refusal;
      inbox.add(key, messages);
      sendJson(res, 200, { success: true });
    }, factsOf(key, messages));
  };

  const server = await listen((req, res) => {
    receive(req, res).catch((error) => {
      if (!error.status) console.error(`failed: ${error.stack}`);
      if (!res.headersSent && !res.destroyed) sendJson(res, error.status ?? 500, { success: false, message: error.message, ...error.extra });
    });
  }, options);

  const common = commonRoutes(counts, faults);
  const batchFault = (fault) => ({ endpoint: 'batch', ...fault });
  const admin = await startAdmin({
    ...common,
    'GET /counts': () => ({ batch: { arrived: 0, answered: 0 }, ...counts.all(), messages: inbox.size, duplicates: inbox.duplicates() }),
    'POST /faults': (fault) => common['POST /faults'](batchFault(fault)),
    'GET /messages': (filter) => inbox.find(filter),
    'GET /wait': (query) => (query.endpoint ? counts.wait(query) : inbox.wait(query)),
    'POST /forget': () => inbox.forget(),
  }, { port: options.admin_port });

  endOnSignal([server.close, admin.close], options);
  console.log(`ADMIN ${admin.url}`);
  console.log(`READY ${server.url}`);
});
