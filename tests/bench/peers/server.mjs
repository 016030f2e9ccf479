// A flow service as one would write it in Node: StartFlow and RecordStep of authflow.v1, durable in SQLite.
//
//   node server.mjs PROTOS DATABASE each|group     prints "READY HOST:PORT", ends with SIGTERM
//
// each: one transaction a call. group: the calls that came in one turn of the event loop share a transaction. Either way a
// call is answered after its commit is on disk.
import { randomBytes, randomUUID } from 'node:crypto';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import Database from 'better-sqlite3';

const [protos, file, commits] = process.argv.slice(2);
if (!['each', 'group'].includes(commits)) throw new Error('usage: server.mjs PROTOS DATABASE each|group');

const EXPIRY = 30 * 60 * 1000;
const BROWSER_WAIT = 1;
const CLIENT_STEPS = [1, 4, 5, 6]; // the others are the server's to enter
const AUTHORIZE = 'https://id.example/authorize';

// The same settings as authflowd's. A step touches one B-tree, at its end of the flow.
const database = new Database(file);
database.pragma('journal_mode = WAL');
database.pragma('synchronous = FULL');
database.pragma('wal_autocheckpoint = 10000');
database.pragma('cache_size = -64000');
database.exec(`
  CREATE TABLE IF NOT EXISTS flows (
    id INTEGER PRIMARY KEY,
    token BLOB NOT NULL UNIQUE,
    flow_id TEXT NOT NULL,
    product TEXT NOT NULL,
    kind INTEGER NOT NULL,
    state TEXT NOT NULL,
    redirect_uri TEXT NOT NULL,
    invocation TEXT NOT NULL,
    start_time INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE IF NOT EXISTS steps (
    flow INTEGER NOT NULL,
    step INTEGER NOT NULL,
    time INTEGER NOT NULL,
    PRIMARY KEY (flow, step)
  ) STRICT, WITHOUT ROWID;
`);
const insertFlow = database.prepare(
  'INSERT INTO flows (token, flow_id, product, kind, state, redirect_uri, invocation, start_time) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
);
const selectFlow = database.prepare(
  `SELECT id, flow_id, product, kind, state, redirect_uri, start_time,
     (SELECT max(step) FROM steps WHERE flow = flows.id) AS step
   FROM flows WHERE token = ?`,
);
const insertStep = database.prepare('INSERT INTO steps (flow, step, time) VALUES (?, ?, ?)');

class Refusal extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

const timestamp = (ms) => ({ seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1e6 });

const flowMessage = (row, step) => ({
  flow_id: row.flow_id,
  product: row.product,
  kind: row.kind,
  step,
  start_time: timestamp(row.start_time),
  expire_time: timestamp(row.start_time + EXPIRY),
  attempt: 1,
});

const authorizationUrl = (row) =>
  `${AUTHORIZE}?response_type=code&client_id=bench-cli&redirect_uri=${encodeURIComponent(row.redirect_uri)}&state=${row.state}`;

function startFlow(request) {
  const { product, kind, redirect_uri, invocation } = request;
  if (product !== 'bench' || !kind || !invocation) throw new Refusal(grpc.status.INVALID_ARGUMENT, 'not a flow');
  const token = randomBytes(32);
  const row = {
    flow_id: randomUUID(),
    product,
    kind,
    state: randomBytes(32).toString('base64url'),
    redirect_uri,
    start_time: Date.now(),
  };
  insertFlow.run(token, row.flow_id, product, kind, row.state, redirect_uri, JSON.stringify(invocation), row.start_time);
  return {
    flow: flowMessage(row, 0),
    flow_token: token.toString('base64url'),
    authorization_url: authorizationUrl(row),
    state: row.state,
    redirect_uri,
  };
}

function recordStep({ flow_token, step }) {
  if (!CLIENT_STEPS.includes(step)) throw new Refusal(grpc.status.INVALID_ARGUMENT, 'not a step of the client');
  const row = selectFlow.get(Buffer.from(flow_token, 'base64url'));
  const now = Date.now();
  if (!row) throw new Refusal(grpc.status.NOT_FOUND, 'no such flow');
  if (now > row.start_time + EXPIRY) throw new Refusal(grpc.status.FAILED_PRECONDITION, 'the flow has expired');
  const current = row.step ?? 0;
  if (step > current) insertStep.run(row.id, step, now);
  const response = { flow: flowMessage(row, Math.max(step, current)) };
  if (step === BROWSER_WAIT) Object.assign(response, { authorization_url: authorizationUrl(row), state: row.state });
  return response;
}

const toStatus = (error) =>
  error instanceof Refusal ? error : { code: grpc.status.UNAVAILABLE, message: 'the store is not available' };

function inOwnTransaction(work) {
  const transaction = database.transaction(work);
  return (call, answer) => {
    let response;
    try {
      response = transaction.immediate(call.request);
    } catch (error) {
      return answer(toStatus(error));
    }
    answer(null, response);
  };
}

let waiting = [];

// One that is refused has written nothing: it does not hold up the others.
const attemptAll = database.transaction((calls) => {
  for (const one of calls) {
    try {
      one.response = one.work(one.request);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      one.error = error;
    }
  }
});

function commitWaiting() {
  const calls = waiting;
  waiting = [];
  try {
    attemptAll.immediate(calls);
  } catch (error) {
    for (const one of calls) one.error = toStatus(error);
  }
  for (const { answer, error, response } of calls) answer(error ?? null, response);
}

function inSharedTransaction(work) {
  return ({ request }, answer) => {
    if (waiting.length === 0) setImmediate(commitWaiting);
    waiting.push({ work, request, answer });
  };
}

const durable = commits === 'group' ? inSharedTransaction : inOwnTransaction;
const definition = loadSync('authflow/v1/flow_service.proto', { includeDirs: [protos], keepCase: true, longs: Number });
const server = new grpc.Server();
server.addService(definition['authflow.v1.FlowService'], { StartFlow: durable(startFlow), RecordStep: durable(recordStep) });
server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(`READY 127.0.0.1:${port}`);
});
process.on('SIGTERM', () => {
  server.forceShutdown();
  database.close();
});
