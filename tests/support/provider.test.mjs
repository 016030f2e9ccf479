// The provider, signed in to by openid-client (an independent oracle) over http_login's forms.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import * as oidc from 'openid-client';
import { login } from './lib/forms.mjs';
import { start } from './lib/testing.mjs';

const REDIRECT = 'http://127.0.0.1:45999/callback';
let provider;
before(async () => { provider = await start('provider.mjs'); });
after(async () => assert.equal(await provider.stop(), 0));
beforeEach(async () => {
  await provider.admin('DELETE', '/faults');
  await provider.admin('POST', '/reset');
});

const discover = (issuer = provider.ready, client = 'cli', auth = oidc.None()) =>
  oidc.discovery(new URL(issuer), client, undefined, auth, { execute: [oidc.allowInsecureRequests] });

/** An authorization request, and what is needed to redeem its code. */
async function request(config, extra = {}) {
  const verifier = oidc.randomPKCECodeVerifier();
  const checks = { pkceCodeVerifier: verifier, expectedState: oidc.randomState(), expectedNonce: oidc.randomNonce() };
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: REDIRECT, scope: 'openid email profile offline_access', prompt: 'consent', state: checks.expectedState,
    nonce: checks.expectedNonce, code_challenge: await oidc.calculatePKCECodeChallenge(verifier), code_challenge_method: 'S256', ...extra,
  });
  return { url: url.href, checks };
}

async function signIn(config, flags = {}, extra = {}) {
  const { url, checks } = await request(config, extra);
  const { redirect } = await login(url, { ...flags, deliver: false });
  return oidc.authorizationCodeGrant(config, new URL(redirect), checks);
}

test('AliceSignsIn', async () => {
  const config = await discover();
  const tokens = await signIn(config);
  assert.equal(tokens.claims().email, 'alice@example.com');
  assert.ok(tokens.refresh_token);
  const userinfo = await oidc.fetchUserInfo(config, tokens.access_token, tokens.claims().sub);
  assert.equal(userinfo.name, 'Alice Example');
});

for (const client of ['svc', 'post']) {
  test(`AConfidentialClientSignsIn ${client}`, async () => {
    const secret = `${client}-secret-0123456789abcdef`;
    const config = await discover(provider.ready, client, client === 'svc' ? oidc.ClientSecretBasic(secret) : oidc.ClientSecretPost(secret));
    const tokens = await signIn(config);
    const answer = await oidc.tokenIntrospection(config, tokens.access_token);
    assert.equal(answer.active, true);
  });
}

test('ACodeTypedInOnAnotherDeviceSignsIn', async () => {
  const config = await discover();
  const device = await oidc.initiateDeviceAuthorization(config, { scope: 'openid email profile offline_access', prompt: 'consent' });
  assert.equal(device.interval, 1);
  assert.equal((await login(device.verification_uri_complete)).h1, 'You are signed in');
  const tokens = await oidc.pollDeviceAuthorizationGrant(config, device);
  assert.equal(tokens.claims().email, 'alice@example.com');
  assert.ok(tokens.refresh_token);
});

for (const how of ['deny', 'deny_consent']) {
  test(`ADeclinedDeviceGetsNoTokens ${how}`, async () => {
    const config = await discover();
    const device = await oidc.initiateDeviceAuthorization(config, { scope: 'openid', prompt: 'consent' });
    assert.equal((await login(device.verification_uri_complete, { [how]: true })).ok, false);
    await assert.rejects(oidc.pollDeviceAuthorizationGrant(config, device), { error: 'access_denied' });
  });
}

test('AFixedClientMayUseItsPortsOnly', async () => {
  const config = await discover(provider.ready, 'fixed');
  assert.ok((await signIn(config, {}, { redirect_uri: 'http://127.0.0.1:45671/callback' })).access_token);
  const { url } = await request(config);
  const refused = await login(url);
  assert.deepEqual([refused.ok, refused.status, refused.h1], [false, 400, 'This did not work']);
});

test('ANewPersonSignsUpOnTheSignUpPage', async () => {
  const tokens = await signIn(await discover(), { signup: 'carol@example.com', name: 'Carol' }, { prompt: 'create consent' });
  assert.equal(tokens.claims().email, 'carol@example.com');
  assert.equal(tokens.claims().name, 'Carol');
  assert.ok(tokens.refresh_token);
});

test('ACancelledLoginIsAccessDenied', async () => {
  for (const flags of [{ deny: true }, { deny_consent: true }]) {
    const { url } = await request(await discover());
    const { redirect } = await login(url, { ...flags, deliver: false });
    assert.equal(new URL(redirect).searchParams.get('error'), 'access_denied');
    assert.equal(new URL(redirect).searchParams.get('iss'), provider.ready);
  }
});

test('AWrongPasswordIsShown', async () => {
  const { url } = await request(await discover());
  const shown = await login(url, { as: 'alice', password: 'wrong' });
  assert.deepEqual([shown.ok, shown.status], [false, 401]);
  assert.match(shown.text, /Wrong e-mail address or password/);
});

test('RefreshTokensRotateAndCanBeRevoked', async () => {
  const config = await discover();
  const first = await signIn(config);
  const second = await oidc.refreshTokenGrant(config, first.refresh_token);
  assert.notEqual(second.refresh_token, first.refresh_token);
  await oidc.tokenRevocation(config, second.refresh_token);
  await assert.rejects(oidc.refreshTokenGrant(config, second.refresh_token), { error: 'invalid_grant' });
});

test('TheAdminListsAndEndsSessions', async () => {
  const config = await discover();
  const tokens = await signIn(config, { as: 'bob' });
  const [session] = await provider.admin('GET', '/sessions?email=bob@example.com');
  assert.deepEqual([session.client_id, session.access_tokens, session.refresh_tokens], ['cli', 1, 1]);
  await provider.admin('DELETE', '/sessions?email=bob@example.com');
  assert.deepEqual(await provider.admin('GET', '/sessions?email=bob@example.com'), []);
  await assert.rejects(oidc.refreshTokenGrant(config, tokens.refresh_token), { error: 'invalid_grant' });
});

test('AnEndedAccessTokenLeavesTheRefreshToken', async () => {
  const config = await discover();
  const tokens = await signIn(config, { as: 'bob' });
  await provider.admin('DELETE', '/sessions?email=bob@example.com&kind=access_token');
  await assert.rejects(oidc.fetchUserInfo(config, tokens.access_token, tokens.claims().sub));
  assert.ok((await oidc.refreshTokenGrant(config, tokens.refresh_token)).access_token);
});

test('ARotatedKeySignsUnderANewKidAndSessionsLiveOn', async () => {
  const earlier = await signIn(await discover());
  const { kid, kids } = await provider.admin('POST', '/rotate_key');
  const config = await discover();
  const tokens = await signIn(config);
  assert.equal(JSON.parse(Buffer.from(tokens.id_token.split('.')[0], 'base64url')).kid, kid);
  assert.ok((await oidc.refreshTokenGrant(config, earlier.refresh_token)).access_token);
  assert.equal(kids.length, 2);
  assert.deepEqual((await provider.admin('POST', '/rotate_key?drop=true')).kids.length, 1);
});

test('ATestCanWaitForAnExchangeInFlight', async () => {
  const config = await discover();
  await provider.admin('POST', '/faults?endpoint=token&hang=true&times=1');
  const tokens = signIn(config);
  assert.equal((await provider.admin('GET', '/wait?endpoint=token&count=1')).answered, 0);
  assert.equal((await provider.admin('POST', '/release?endpoint=token')).released, 1);
  assert.ok((await tokens).access_token);
  assert.equal((await provider.admin('GET', '/wait?endpoint=token&state=answered')).answered, 1);
});

test('AWaitThatIsNotSatisfiedIs408', async () => {
  await assert.rejects(provider.admin('GET', '/wait?endpoint=revocation&count=3&timeout_ms=20'), { status: 408 });
});

const token = () => fetch(`${provider.ready}/token`, { method: 'POST', body: new URLSearchParams({ grant_type: 'refresh_token', client_id: 'cli', refresh_token: 'x' }) });

test('FaultsReplaceCutAndLoseAnswers', async () => {
  await provider.admin('POST', '/faults?endpoint=token&status=429&headers.retry-after=2&times=1');
  const refused = await token();
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [429, '2']);

  await provider.admin('POST', '/faults', { endpoint: 'token', garbage: 100, times: 1 });
  assert.equal((await (await token()).arrayBuffer()).byteLength, 100);

  await provider.admin('POST', '/faults', { endpoint: 'token', reset: true, times: 1 });
  await assert.rejects(token());

  await provider.admin('POST', '/faults', { endpoint: 'token', close_mid_body: true, times: 1 });
  await assert.rejects(token().then((response) => response.text()));

  await provider.admin('POST', '/faults', { endpoint: 'token', delay_ms: 1, status: 503, body: { error: 'temporarily_unavailable' } });
  assert.deepEqual([(await token()).status, (await token()).status], [503, 503]);
  await provider.admin('DELETE', '/faults?endpoint=token');
  assert.equal((await token()).status, 400);
});

test('ALostAnswerHasHadItsEffect', async () => {
  const config = await discover();
  const tokens = await signIn(config);
  await provider.admin('POST', '/faults', { endpoint: 'token', after: true, reset: true, times: 1 });
  await assert.rejects(oidc.refreshTokenGrant(config, tokens.refresh_token));
  await assert.rejects(oidc.refreshTokenGrant(config, tokens.refresh_token), { error: 'invalid_grant' });
});

test('AnES256ProviderGivesJwtAccessTokensForTheAudience', async () => {
  const other = await start('provider.mjs', '--alg', 'ES256', '--jwt-access-tokens', '--audience', 'urn:test', '--access-token-ttl', '7');
  const tokens = await signIn(await discover(other.ready));
  const [header, claims] = tokens.access_token.split('.').slice(0, 2).map((part) => JSON.parse(Buffer.from(part, 'base64url')));
  assert.deepEqual([header.alg, claims.aud, claims.exp - claims.iat, tokens.expires_in], ['ES256', 'urn:test', 7, 7]);
  assert.equal(tokens.claims().sub, claims.sub);
  assert.equal(await other.stop(), 0);
});

test('AnAudienceAloneIsSeenByIntrospection', async () => {
  const other = await start('provider.mjs', '--audience', 'urn:test');
  const tokens = await signIn(await discover(other.ready));
  const svc = await discover(other.ready, 'svc', oidc.ClientSecretBasic('svc-secret-0123456789abcdef'));
  const answer = await oidc.tokenIntrospection(svc, tokens.access_token);
  assert.deepEqual([answer.active, answer.aud, answer.client_id, answer.sub], [true, 'urn:test', 'cli', tokens.claims().sub]);
  assert.equal(await other.stop(), 0);
});
