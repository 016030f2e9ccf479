// The odd provider: each oddity is what it claims, as openid-client or plain HTTP sees it.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import * as oidc from 'openid-client';
import { login } from './lib/forms.mjs';
import { start } from './lib/testing.mjs';

let odd;
before(async () => { odd = await start('providers_odd.mjs'); });
after(async () => assert.equal(await odd.stop(), 0));
beforeEach(() => odd.admin('POST', '/reset'));

const set = (query) => odd.admin('POST', `/set?${query}`);
const REDIRECT = 'http://127.0.0.1:45999/callback';

/** The redirect of an authorization request without PKCE. */
async function redirect(scope = 'openid email') {
  const query = new URLSearchParams({ client_id: 'any', response_type: 'code', redirect_uri: REDIRECT, scope, state: 's', nonce: 'n' });
  const result = await login(`${odd.ready}/authorize?${query}`, { deliver: false });
  return new URL(result.redirect);
}

async function token(code, verifier) {
  const form = { grant_type: 'authorization_code', code, redirect_uri: REDIRECT, ...(verifier && { code_verifier: verifier }) };
  return fetch(`${odd.ready}/token`, { method: 'POST', body: new URLSearchParams(form) });
}

const exchange = async (scope) => token((await redirect(scope)).searchParams.get('code'));

test('ItApprovesAtOnceAndHasNoDiscovery', async () => {
  assert.deepEqual([...(await redirect()).searchParams.keys()], ['state', 'code']);
  assert.equal((await fetch(`${odd.ready}/.well-known/openid-configuration`)).status, 404);
  assert.equal((await odd.admin('GET', '/counts')).authorization.arrived, 1);
});

test('ACodeIsGoodOnceAndUnknownSettingsAreRefused', async () => {
  const code = (await redirect()).searchParams.get('code');
  assert.deepEqual([(await token(code)).status, (await token(code)).status], [200, 400]);
  await assert.rejects(set('no_such=1'), { status: 400 });
  await assert.rejects(set('id_token=no_such'), { status: 400 });
});

test('RedirectsDiffer', async () => {
  const seen = {};
  for (const kind of ['denied', 'server_error', 'wrong_state', 'no_state', 'wrong_iss', 'no_code']) {
    await set(`redirect=${kind}`);
    const { error, state, iss, code } = Object.fromEntries((await redirect()).searchParams);
    seen[kind] = [error, state, iss, Boolean(code)];
  }
  assert.deepEqual(seen, {
    denied: ['access_denied', 's', undefined, false],
    server_error: ['server_error', 's', undefined, false],
    wrong_state: [undefined, 'not-your-state', undefined, true],
    no_state: [undefined, undefined, undefined, true],
    wrong_iss: [undefined, 's', 'https://issuer.invalid', true],
    no_code: [undefined, 's', undefined, false],
  });
});

test('TheTokenEndpointSaysNoInManyWays', async () => {
  const seen = {};
  for (const answer of ['error_200', 'error_403', 'error_400_empty', 'error_429', 'error_500', 'html']) {
    await set(`answer=${answer}&retry_after=7`);
    const response = await exchange();
    seen[answer] = [response.status, response.headers.get('retry-after'), (await response.text()).slice(0, 24)];
  }
  assert.deepEqual(seen, {
    error_200: [200, null, '{"error":"bad_verificati'],
    error_403: [403, null, '{"error":"invalid_code"}'],
    error_400_empty: [400, null, ''],
    error_429: [429, '7', '{"error":"rate_limited"}'],
    error_500: [500, null, '<html><body>Internal Ser'],
    html: [200, null, '<!doctype html><title>Ma'],
  });
});

test('GoodAnswersDifferToo', async () => {
  await set('token_type=bearer&omit=expires_in,id_token&user_in_token=true&user_key=id&user_id=big');
  const body = await (await exchange()).text();
  assert.match(body, /"user":\{"id":9007199254740993,"email"/);
  const answer = JSON.parse(body);
  assert.deepEqual([answer.token_type, 'expires_in' in answer, 'id_token' in answer], ['bearer', false, false]);
  const userinfo = await fetch(`${odd.ready}/userinfo`, { headers: { authorization: `Bearer ${answer.access_token}` } });
  assert.match(await userinfo.text(), /^\{"id":9007199254740993,/);

  await set('answer=form');
  const form = await exchange('email');
  assert.equal(form.headers.get('content-type'), 'application/x-www-form-urlencoded');
  assert.ok(new URLSearchParams(await form.text()).get('access_token'));
});

/** What the oracle says of an id_token: 'ok' or its complaint. */
async function verdict(variant) {
  await set(`discovery=on&issuer_path=/tenant/v2.0&iss_in_redirect=true&id_token=${variant}`);
  const config = await oidc.discovery(new URL(`${odd.ready}/tenant/v2.0`), 'any', undefined, oidc.None(), { execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks] });
  try {
    await oidc.authorizationCodeGrant(config, await redirect(), { expectedState: 's', expectedNonce: 'n' });
    return 'ok';
  } catch (error) {
    return error.cause?.message ?? error.message;
  }
}

for (const variant of ['ok', 'multi_aud_azp', 'no_kid']) {
  test(`TheOracleAcceptsAnIdToken ${variant}`, async () => assert.equal(await verdict(variant), 'ok'));
}
for (const variant of ['wrong_aud', 'multi_aud', 'wrong_azp', 'wrong_iss', 'slash_iss', 'wrong_nonce', 'no_nonce', 'expired', 'future', 'no_exp',
  'no_sub', 'alg_none', 'hs256_public_key', 'unknown_kid', 'bad_signature', 'garbage', 'two_parts']) {
  test(`TheOracleRefusesAnIdToken ${variant}`, async () => assert.notEqual(await verdict(variant), 'ok'));
}
