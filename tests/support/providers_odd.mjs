#!/usr/bin/env node
// A small provider that does what other providers do: no discovery, no pages, odd answers. README.md lists the settings.
import * as crypto from 'node:crypto';
import { commonRoutes, startAdmin } from './lib/admin.mjs';
import { Counts } from './lib/counts.mjs';
import { Faults } from './lib/faults.mjs';
import { listen, readBody, readForm, send, sendHtml, sendJson } from './lib/http.mjs';
import { SigningKeys } from './lib/keys.mjs';
import { change, defaults, refusals, subject, userJson } from './lib/odd_settings.mjs';
import { idToken } from './lib/odd_tokens.mjs';
import { errorPage } from './lib/pages.mjs';
import { endOnSignal, readOptions, run } from './lib/program.mjs';

const DEFAULTS = { host: '127.0.0.1', port: 0, admin_port: 0, tls_cert: '', tls_key: '', alg: 'RS256', until_stdin_closes: false };
const PROFILE = { email: 'odd@example.com', name: 'Odd Example', login: 'odd' };
const random = () => crypto.randomBytes(24).toString('base64url');

class OddProvider {
  #codes = new Map(); // code -> what the authorization request said
  #refreshTokens = new Map(); // refresh token -> the same
  #accessTokens = new Set();
  settings = defaults();

  constructor(alg) {
    this.keys = new SigningKeys(alg);
    this.other = new SigningKeys(alg).current.privateKey;
  }

  issuer() {
    return this.base + this.settings.issuer_path;
  }

  discovery(req, res) {
    const { settings, base } = this;
    if (settings.discovery === 'off') return sendJson(res, 404, { message: 'Not Found' });
    return sendJson(res, 200, {
      issuer: settings.discovery === 'wrong_issuer' ? 'https://issuer.invalid' : this.issuer(),
      authorization_endpoint: `${base}/authorize`, token_endpoint: `${base}/token`, userinfo_endpoint: `${base}/userinfo`,
      revocation_endpoint: `${base}/revoke`, jwks_uri: `${base}/jwks`, response_types_supported: ['code'],
      authorization_response_iss_parameter_supported: settings.iss_in_redirect,
      id_token_signing_alg_values_supported: [this.keys.alg], subject_types_supported: ['public'],
    });
  }

  /** Approves at once. */
  authorization(req, res) {
    const { settings } = this;
    const query = Object.fromEntries(new URL(req.url, this.base).searchParams);
    const redirect = URL.parse(query.redirect_uri);
    if (!redirect || (settings.only_port && Number(redirect.port) !== settings.only_port)) {
      return sendHtml(res, 400, errorPage({ code: 'invalid_request', description: 'redirect_uri is not registered' }));
    }
    const answer = { state: query.state };
    if (settings.redirect === 'denied') Object.assign(answer, { error: 'access_denied', error_description: 'The user has denied your application access.' });
    else if (settings.redirect === 'server_error') answer.error = 'server_error';
    else if (settings.redirect !== 'no_code') {
      answer.code = random();
      this.#codes.set(answer.code, query);
    }
    if (settings.redirect === 'wrong_state') answer.state = 'not-your-state';
    if (settings.redirect === 'no_state') delete answer.state;
    if (settings.redirect === 'wrong_iss') answer.iss = 'https://issuer.invalid';
    else if (settings.iss_in_redirect) answer.iss = this.issuer();
    for (const [name, value] of Object.entries(answer)) if (value !== undefined) redirect.searchParams.set(name, value);
    return send(res, 302, undefined, '', { location: redirect.href });
  }

  async token(req, res) {
    const { settings } = this;
    const form = await readForm(req);
    if (refusals[settings.answer]) {
      const [status, headers, body] = refusals[settings.answer](settings);
      return send(res, status, 'application/json', typeof body === 'string' ? body : JSON.stringify(body), headers);
    }
    const asked = form.get('grant_type') === 'refresh_token' ? this.#refreshTokens.get(form.get('refresh_token')) : this.#redeem(form);
    if (!asked) return sendJson(res, 400, { error: 'invalid_grant' });
    return this.#sendTokens(res, asked, form);
  }

  /** A code is good once, with its verifier and its redirect_uri. */
  #redeem(form) {
    const asked = this.#codes.get(form.get('code'));
    if (!asked || asked.redirect_uri !== form.get('redirect_uri')) return undefined;
    const hash = crypto.createHash('sha256').update(form.get('code_verifier') ?? '').digest('base64url');
    if (asked.code_challenge && asked.code_challenge !== hash) return undefined;
    this.#codes.delete(form.get('code'));
    return asked;
  }

  #sendTokens(res, asked, form) {
    const { settings } = this;
    const refreshing = form.get('grant_type') === 'refresh_token';
    const answer = { access_token: random(), token_type: settings.token_type, expires_in: settings.expires_in, scope: asked.scope };
    if (!refreshing || settings.rotate_refresh) {
      answer.refresh_token = random();
      this.#refreshTokens.set(answer.refresh_token, asked);
      if (refreshing) this.#refreshTokens.delete(form.get('refresh_token'));
    }
    if (String(asked.scope).split(' ').includes('openid')) {
      answer.id_token = idToken({
        variant: settings.id_token, signing: this.keys.current, other: this.other, issuer: this.issuer(), clientId: asked.client_id,
        nonce: refreshing ? undefined : asked.nonce, sub: subject(settings), profile: { email: PROFILE.email, name: PROFILE.name },
      });
    }
    this.#accessTokens.add(answer.access_token);
    for (const name of String(settings.omit).split(',')) delete answer[name];
    if (settings.answer === 'form') return send(res, 200, 'application/x-www-form-urlencoded', String(new URLSearchParams(answer)));
    const json = JSON.stringify(answer);
    const user = userJson(settings, PROFILE);
    return send(res, 200, 'application/json', settings.user_in_token ? `${json.slice(0, -1)},"user":${user}}` : json);
  }

  userinfo(req, res) {
    const known = this.#accessTokens.has((req.headers.authorization ?? '').replace(/^(bearer|token) /i, ''));
    if (!known) return sendJson(res, 401, { message: 'Bad credentials' });
    return send(res, 200, 'application/json', userJson(this.settings, PROFILE));
  }

  jwks(req, res) {
    return sendJson(res, 200, this.keys.publicJwks());
  }

  async revocation(req, res) {
    const token = (await readForm(req)).get('token');
    this.#accessTokens.delete(token);
    this.#refreshTokens.delete(token);
    return send(res, 200, undefined, '');
  }

  other_path(req, res) {
    return sendJson(res, 404, { message: 'Not Found' });
  }
}

const PATHS = { '/authorize': 'authorization', '/token': 'token', '/userinfo': 'userinfo', '/jwks': 'jwks', '/revoke': 'revocation' };

run(async () => {
  const { options } = readOptions(DEFAULTS);
  const odd = new OddProvider(options.alg);
  const counts = new Counts();
  const faults = new Faults();

  // A request has arrived when it has been read: one that is cut at its head has told nothing, and a client may send it anew.
  const handle = async (req, res) => {
    await readBody(req);
    const { pathname } = new URL(req.url, 'http://odd');
    const endpoint = PATHS[pathname] ?? (pathname.endsWith('/.well-known/openid-configuration') ? 'discovery' : 'other_path');
    counts.arrived(endpoint, res);
    await faults.apply(endpoint, res, () => odd[endpoint](req, res));
  };
  const server = await listen((req, res) => {
    handle(req, res).catch((error) => {
      console.error(`failed: ${req.method} ${req.url.split('?')[0]}: ${error.stack}`);
      res.destroy();
    });
  }, options);
  odd.base = server.url;

  const admin = await startAdmin({
    ...commonRoutes(counts, faults),
    'GET /settings': () => odd.settings,
    'POST /set': (changes) => {
      change(odd.settings, changes);
      return odd.settings;
    },
    'POST /reset': () => {
      odd.settings = defaults();
      faults.clear();
      counts.reset();
    },
    'POST /rotate_key': (input) => odd.keys.rotate(input),
  }, { port: options.admin_port });

  endOnSignal([server.close, admin.close], options);
  console.log(`ADMIN ${admin.url}`);
  console.log(`READY ${server.url}`);
});
