// The two login drivers, browser and plain HTTP, and the $BROWSER scripts, against the provider's real pages.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import * as fs from 'node:fs';
import * as http from 'node:http';
import * as os from 'node:os';
import * as path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { start } from './lib/testing.mjs';

const exec = promisify(execFile);
const here = (name) => path.join(import.meta.dirname, name);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'login-'));
let provider;
let browser;
let listener;

before(async () => {
  [provider, browser] = await Promise.all([start('provider.mjs'), start('browser.mjs', '--serve')]);
  listener = http.createServer((req, res) => {
    const { pathname, searchParams } = new URL(req.url, 'http://listener');
    if (pathname !== '/callback') return res.writeHead(404).end();
    listener.emit('redirect', searchParams);
    res.writeHead(200, { 'content-type': 'text/html', 'content-security-policy': "default-src 'none'" });
    return res.end(`<!doctype html><title>Done</title><h1>${searchParams.has('code') ? 'Signed in' : searchParams.get('error')}</h1><p>Close this tab.</p>`);
  });
  await new Promise((resolve) => listener.listen(0, '127.0.0.1', resolve));
});
after(async () => {
  listener.close();
  listener.closeAllConnections();
  assert.deepEqual(await Promise.all([provider.stop(), browser.stop()]), [0, 0]);
  fs.rmSync(folder, { recursive: true });
});

const authorizationUrl = (extra = {}) => `${provider.ready}/auth?${new URLSearchParams({
  client_id: 'cli', response_type: 'code', redirect_uri: `http://127.0.0.1:${listener.address().port}/callback`, scope: 'openid email offline_access',
  prompt: 'consent', state: 's', code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256', ...extra,
})}`;
const open = async (body) => (await fetch(`${browser.ready}/open`, { method: 'POST', body: JSON.stringify(body) })).json();
async function closedPort() {
  const server = http.createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}
const redirected = () => new Promise((resolve) => listener.once('redirect', resolve));
const env = (extra) => ({ env: { ...process.env, ...extra } });

test('AliceSignsInInChromium', async () => {
  const screenshot = path.join(folder, 'done.png');
  assert.deepEqual(await open({ url: authorizationUrl(), as: 'alice', screenshot, wait_text: 'Close this' }),
    { ok: true, status: 200, path: '/callback', title: 'Done', h1: 'Signed in', text: 'Signed in Close this tab.' });
  assert.deepEqual(fs.readdirSync(folder).sort(), ['done-consent.png', 'done-login.png', 'done.png']);
});

test('SomeoneSignsUpInChromiumFromTheLoginPage', async () => {
  assert.equal((await open({ url: authorizationUrl(), signup: 'erin@example.com', name: 'Erin' })).h1, 'Signed in');
  const users = await provider.admin('GET', '/users');
  assert.equal(users.find(({ email }) => email === 'erin@example.com').name, 'Erin');
});

test('SomeoneCancelsInChromium', async () => {
  assert.equal((await open({ url: authorizationUrl(), mode: 'deny' })).h1, 'access_denied');
  assert.equal((await open({ url: authorizationUrl(), mode: 'deny-consent' })).h1, 'access_denied');
});

test('ChromiumSaysWhyItDidNotGetThere', async () => {
  const unknown = await open({ url: authorizationUrl({ client_id: 'nobody' }) });
  assert.deepEqual([unknown.ok, unknown.status, unknown.h1], [false, 400, 'This did not work']);
  const wrong = await open({ url: authorizationUrl(), as: 'alice', password: 'wrong' });
  assert.deepEqual([wrong.ok, wrong.status, wrong.h1], [false, 401, 'Sign in']);
  const closed = await open({ url: authorizationUrl({ redirect_uri: `${await closedPort()}/callback` }) });
  assert.equal(closed.ok, false);
  assert.match(closed.error, /ERR_[A-Z_]+ at http:\/\/127\.0\.0\.1:\d+\/callback$/);
});

test('ChromiumGivesUpInTime', async () => {
  await provider.admin('POST', '/faults?endpoint=authorization&hang=true&times=1');
  const late = await open({ url: authorizationUrl(), timeout_ms: 500 });
  assert.deepEqual(late, { ok: false, error: 'not there after 500 ms' });
  await provider.admin('DELETE', '/faults');
});

test('BrowserMjsMakesOneLoginAndEnds', async () => {
  const { stdout } = await exec(process.execPath, [here('browser.mjs'), authorizationUrl(), '--as', 'bob']);
  assert.equal(JSON.parse(stdout).h1, 'Signed in');
});

test('HttpLoginMjsMakesOneLoginAndEnds', async () => {
  const { stdout } = await exec(process.execPath, [here('http_login.mjs'), authorizationUrl(), '--signup', 'fred@example.com']);
  assert.deepEqual(JSON.parse(stdout), { ok: true, status: 200, path: '/callback', title: 'Done', h1: 'Signed in', text: 'Signed in Close this tab.' });
  const refused = exec(process.execPath, [here('http_login.mjs'), authorizationUrl({ client_id: 'nobody' })]);
  await assert.rejects(refused, (error) => error.code === 1 && JSON.parse(error.stdout).status === 400);
});

test('OpenUrlReturnsAtOnceAndTheRedirectComes', async () => {
  await fetch(`${browser.ready}/reset`, { method: 'POST' });
  const redirect = redirected();
  await exec(here('open-url'), [authorizationUrl()], env({ AUTHFLOW_TEST_BROWSER: browser.ready }));
  assert.ok((await redirect).has('code'));
  const [result] = await (await fetch(`${browser.ready}/wait?count=1`)).json();
  assert.equal(result.h1, 'Signed in');
});

test('OpenUrlSaysThatThereIsNoBrowser', async () => {
  await assert.rejects(exec(here('open-url'), [authorizationUrl()], env({ AUTHFLOW_TEST_BROWSER: 'http://127.0.0.1:9' })), { code: 3 });
});

test('OpenUrlHttpReturnsAtOnceAndTheRedirectComes', async () => {
  const redirect = redirected();
  await exec(here('open-url-http'), [authorizationUrl()], env({ AUTHFLOW_TEST_BROWSER_AS: 'deny' }));
  assert.equal((await redirect).get('error'), 'access_denied');
});

test('ModeNoneOpensNothing', async () => {
  const log = path.join(folder, 'opened.jsonl');
  await exec(here('open-url-http'), [authorizationUrl()], env({ AUTHFLOW_TEST_BROWSER_AS: 'none', AUTHFLOW_TEST_BROWSER_LOG: log }));
  assert.equal(JSON.parse(fs.readFileSync(log, 'utf8')).opened, authorizationUrl());
});

test('HttpLoginServesManyLogins', async () => {
  const server = await start('http_login.mjs', '--serve');
  const logins = Array.from({ length: 10 }, () => fetch(`${server.ready}/open`, { method: 'POST', body: JSON.stringify({ url: authorizationUrl(), mode: 'bob' }) }));
  for (const login of await Promise.all(logins)) assert.equal((await login.json()).h1, 'Signed in');
  assert.equal(await server.stop(), 0);
});
