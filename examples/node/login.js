#!/usr/bin/env node
// A whole login against authflowd: AUTHFLOW_SERVER=host:port AUTHFLOW_PRODUCT=name node login.js [--device]
// With --device it shows a code to type in anywhere (RFC 8628). The numbers D1..D20 are those of docs/client-guide.md.
// README.md says how to run it.
'use strict';

const { spawn } = require('node:child_process');
const crypto = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');
const protobuf = require('protobufjs');

const ROOT = path.join(__dirname, '../..');
const PROTOS = path.join(ROOT, 'protos');
const GOOGLE = path.join(ROOT, 'third_party/googleapis/google/rpc');
const api = grpc.loadPackageDefinition(
  loader.loadSync(['authflow/v1/flow_service.proto', 'authflow/v1/token_service.proto'], {
    includeDirs: [PROTOS], keepCase: true, enums: String, longs: Number, oneofs: true,
  }),
).authflow.v1;
const rpc = protobuf.loadSync([path.join(GOOGLE, 'status.proto'), path.join(GOOGLE, 'error_details.proto')]);
const NEXT_ATTEMPT = ['CODE_REFUSED', 'CODE_USED', 'ANSWER_GONE', '']; // '': no answer could be had

class Cancelled extends Error {}
class Ended extends Error {}

// What the server refused with; without a reason it is the network's word, not the server's.
function errorInfo(error) {
  const [details] = error.metadata?.get('grpc-status-details-bin') ?? [];
  for (const any of details ? rpc.lookupType('google.rpc.Status').decode(details).details : []) {
    if (!any.type_url.endsWith('/google.rpc.ErrorInfo')) continue;
    const info = rpc.lookupType('google.rpc.ErrorInfo').decode(any.value);
    if (info.domain === 'authflow') return info;
  }
  return { reason: '', metadata: {} };
}

function folder() {
  const data = process.env.XDG_DATA_HOME || path.join(os.homedir(), '.local/share');
  const own = path.join(data, 'authflow-node-example');
  fs.mkdirSync(own, { recursive: true, mode: 0o700 });
  return own;
}

// Written beside its place with mode 0600, then moved there: never half a file.
function keep(name, text) {
  const beside = path.join(folder(), `.${name}.${process.pid}`);
  fs.writeFileSync(beside, text, { mode: 0o600, flag: 'wx' });
  fs.renameSync(beside, path.join(folder(), name));
}

function invocation() {
  const run = { invocation_id: crypto.randomUUID(), command: 'login.js' };
  if (!['', '0', 'false'].includes(process.env.DO_NOT_TRACK ?? '')) return { ...run, do_not_track: true };
  const installation = path.join(folder(), 'installation');
  if (!fs.existsSync(installation)) keep('installation', crypto.randomUUID());
  return { ...run, anonymous_id: fs.readFileSync(installation, 'utf8') };
}

// Where the provider sends the browser. Redirects are {query, say(text)}.
class Listener {
  state = '';
  #redirects = [];
  #wake = () => {};

  async open(host = '127.0.0.1', port = 0, own = '/callback') {
    const server = http.createServer((request, response) => {
      const [asked, query = ''] = request.url.split(/\?(.*)/s);
      const states = new URLSearchParams(query).getAll('state');
      if (request.method !== 'GET' || asked !== own || states.length !== 1 || states[0] !== this.state) {
        response.writeHead(404, { Connection: 'close' }).end(); // D8
        return;
      }
      const headers = { 'Content-Type': 'text/plain; charset=utf-8', Connection: 'close' };
      const say = (text) => new Promise((sent) => {
        response.on('close', sent).writeHead(200, headers).end(text, sent);
      });
      this.#redirects.push({ query, say });
      this.#wake();
    });
    await new Promise((opened, failed) => server.on('error', failed).listen(port, host, opened));
    this.uri = `http://${host}:${server.address().port}${own}`;
    return this;
  }

  async next() {
    while (this.#redirects.length === 0) await new Promise((wake) => { this.#wake = wake; });
    return this.#redirects.shift();
  }
}

class Login {
  #token = '';
  #ended = false; // by the server's word

  constructor(server, product, device) {
    const options = {
      'grpc.service_config': fs.readFileSync(path.join(PROTOS, 'authflow/v1/service_config.json'), 'utf8'), // D13
      'grpc.initial_reconnect_backoff_ms': 100,
      'grpc.max_reconnect_backoff_ms': 3000,
    };
    const plaintext = grpc.credentials.createInsecure(); // on this machine only
    this.flows = new api.FlowService(server, plaintext, options);
    this.tokens = new api.TokenService(server, plaintext, options);
    this.product = product;
    this.device = device;
    this.stopped = new Promise((_, reject) => {
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => reject(new Cancelled()));
    });
    this.over = new Promise((_, reject) => { this.end = reject; });
    for (const promise of [this.stopped, this.over]) promise.catch(() => {});
  }

  // One unary call, with a deadline (D18).
  call(service, method, request, seconds = 20) {
    return new Promise((resolve, reject) => {
      const deadline = Date.now() + seconds * 1000;
      service[method](request, { deadline }, (error, answer) => (error ? reject(error) : resolve(answer)));
    });
  }

  async run() {
    let outcome;
    let code = 1;
    try {
      const { identity, tokens } = await Promise.race([this.device ? this.signInWithCode() : this.signIn(), this.stopped]);
      await this.step('STEP_PROFILE_CONFIGURE'); // D14
      keep('tokens', JSON.stringify({ access: tokens.access_token, refresh: tokens.refresh_token }));
      outcome = { completed: {} };
      code = 0;
      console.log(`Signed in as ${identity.email || identity.user_id}.`);
    } catch (error) {
      if (error instanceof Cancelled) {
        outcome = { aborted: { reason: 'ABORT_REASON_USER_CANCELLED' } };
        code = 2;
        console.error('Cancelled.');
      } else {
        outcome = { failed: {} }; // without a class: the server's refusal
        if (error.metadata === undefined) outcome.failed.error_class = 'ERROR_CLASS_CLIENT_ERROR';
        else if (!errorInfo(error).reason) outcome.failed.error_class = 'ERROR_CLASS_CLIENT_NETWORK';
        console.error(`The sign-in failed: ${error.details ?? error.message}`);
      }
    }
    await this.finish(outcome);
    return code;
  }

  async signIn() {
    await this.start();
    for (let attempt = 1; ; ++attempt) {
      const opened = await this.step('STEP_BROWSER_WAIT'); // D7
      this.listener.state = opened.state;
      console.log(`Your browser opens. If it does not, open this address:\n\n${opened.authorization_url}\n`);
      const browser = spawn(process.env.BROWSER || 'xdg-open', [opened.authorization_url], { detached: true, stdio: 'ignore' });
      browser.on('error', () => {}).unref();
      const answer = await this.redirected(attempt);
      if (answer) return answer;
    }
  }

  // The tokens; undefined: there may be another attempt (D12).
  async redirected(attempt) {
    for (;;) {
      const { query, say } = await Promise.race([this.listener.next(), this.over]); // D17
      try {
        const request = { flow_token: this.#token, redirect_query: query }; // D9
        const answer = await this.call(this.tokens, 'ExchangeCode', request, 150);
        await say('You are signed in. You can close this page.'); // D10
        return answer;
      } catch (error) {
        await say('You are not signed in. Your terminal says more.');
        const { reason } = errorInfo(error);
        if (['STATE_MISMATCH', 'REDIRECT_MALFORMED'].includes(reason)) continue; // D11
        if (!NEXT_ATTEMPT.includes(reason) || attempt === 3) throw error;
        return undefined;
      }
    }
  }

  async signInWithCode() {
    await this.startAt('');
    this.watch();
    for (let attempt = 1; ; ++attempt) {
      await this.step('STEP_BROWSER_WAIT');
      const device = await this.call(this.tokens, 'StartDeviceAuthorization', { flow_token: this.#token });
      console.log(`Open ${device.verification_uri} on any device, and type in this code: ${device.user_code}`);
      try {
        return await this.codeUsed(device.device_code);
      } catch (error) {
        if (error instanceof Ended || !NEXT_ATTEMPT.includes(errorInfo(error).reason) || attempt === 3) throw error; // D12
      }
    }
  }

  // Asks until the person has decided (D20).
  async codeUsed(device_code) {
    for (;;) {
      const pause = sleep(1000); // a server that stops holds no call
      const request = { flow_token: this.#token, device_code };
      const answer = await Promise.race([this.call(this.tokens, 'AwaitDevice', request, 150), this.over]); // D17
      if (!answer.pending) return answer;
      await pause;
    }
  }

  async start() {
    this.listener = await new Listener().open(); // D1
    let answer;
    try {
      answer = await this.startAt(this.listener.uri);
    } catch (error) {
      const { reason, metadata } = errorInfo(error);
      if (reason !== 'REDIRECT_URI_NOT_ALLOWED') throw error;
      const wanted = new URL(metadata.redirect_uris.split(' ')[0]); // D4
      this.listener = await new Listener().open(wanted.hostname, Number(wanted.port), wanted.pathname);
      answer = await this.startAt(this.listener.uri);
    }
    this.watch();
    return answer;
  }

  startAt(redirect_uri) {
    const request = {
      request_id: crypto.randomUUID(), // D2
      product: this.product,
      kind: 'FLOW_KIND_LOGIN',
      redirect_uri,
      no_browser: this.device,
      invocation: invocation(), // D3
    };
    this.starting = this.call(this.flows, 'StartFlow', request).then((answer) => { this.#token = answer.flow_token; });
    return this.starting;
  }

  // Our sign of life (D5), again and again (D6), until the flow has ended.
  async watch() {
    for (let pause = 100, last = false; !last; pause = Math.min(pause * 1.6, 3000)) {
      const stream = this.flows.WatchFlow({ flow_token: this.#token });
      await new Promise((closed) => {
        stream.on('data', ({ flow, replaced }) => {
          pause = 100;
          last = Boolean(replaced || flow.outcome);
          if (!flow.outcome) return;
          this.#ended = true;
          this.end(new Ended(flow.outcome.aborted?.reason === 'ABORT_REASON_EXPIRED' ? 'The time ran out.' : 'It was ended.'));
        });
        stream.on('error', (error) => {
          last ||= !['', 'STORE_UNAVAILABLE'].includes(errorInfo(error).reason);
          closed();
        }).on('end', closed);
      });
      if (!last) await sleep(pause * (0.5 + Math.random() / 2));
    }
  }

  step(step) {
    return this.call(this.flows, 'RecordStep', { flow_token: this.#token, step });
  }

  // The one place that ends the flow (D15).
  async finish(outcome) {
    const hurry = outcome.aborted !== undefined; // D16: a second for all
    try {
      if (hurry && !this.#token) await Promise.race([this.starting, sleep(400)]);
      if (!this.#token || this.#ended) return;
      await this.call(this.flows, 'FinishFlow', { flow_token: this.#token, outcome }, hurry ? 0.5 : 10);
    } catch {
      // The watch breaks with us: the server ends the flow.
    }
  }
}

const login = new Login(
  process.env.AUTHFLOW_SERVER ?? '127.0.0.1:7443', process.env.AUTHFLOW_PRODUCT ?? 'dev', process.argv.includes('--device'),
);
login.run().then((code) => process.exit(code));
