#!/usr/bin/env node
// A real OpenID provider (npm oidc-provider) for tests and the demo. README.md beside it lists flags and admin calls.
import * as crypto from 'node:crypto';
import { Accounts, SEEDED } from './lib/accounts.mjs';
import { commonRoutes, startAdmin } from './lib/admin.mjs';
import { Counts } from './lib/counts.mjs';
import { Faults } from './lib/faults.mjs';
import { HttpError, listen } from './lib/http.mjs';
import { interact, isInteraction } from './lib/interactions.mjs';
import { SigningKeys } from './lib/keys.mjs';
import { createProvider } from './lib/oidc.mjs';
import { endOnSignal, readOptions, run } from './lib/program.mjs';
import { Store } from './lib/store.mjs';

const DEFAULTS = {
  host: '127.0.0.1', port: 0, admin_port: 0, tls_cert: '', tls_key: '',
  alg: 'RS256', access_token_ttl: 300, code_ttl: 60, refresh_token_ttl: 86_400, rotate_refresh_tokens: true,
  jwt_access_tokens: false, audience: '', introspection: true, device: true, device_code_ttl: 300, device_interval: 1,
  fixed_ports: ['45671', '45672'], users: [], until_stdin_closes: false,
};

const ENDPOINTS = {
  '/.well-known/openid-configuration': 'discovery', '/jwks': 'jwks', '/auth': 'authorization', '/request': 'par', '/token': 'token',
  '/token/revocation': 'revocation', '/token/introspection': 'introspection', '/me': 'userinfo',
  '/device/auth': 'device_authorization', '/device': 'device',
};

run(async () => {
  const { options } = readOptions(DEFAULTS);
  const accounts = new Accounts([...Object.values(SEEDED), ...options.users]);
  const keys = new SigningKeys(options.alg);
  const store = new Store();
  const counts = new Counts();
  const faults = new Faults();

  let provider;
  const server = await listen((req, res) => {
    const { pathname } = new URL(req.url, 'http://provider');
    const endpoint = ENDPOINTS[pathname] ?? (isInteraction(pathname) ? 'interaction' : 'other');
    counts.arrived(endpoint, res);
    const handle = endpoint === 'interaction' ? () => interact(provider, accounts, req, res) : () => provider.callback()(req, res);
    faults.apply(endpoint, res, handle).catch((error) => {
      console.error(`failed: ${endpoint}: ${error.stack}`);
      res.destroy();
    });
  }, options);

  const cookieKey = crypto.randomBytes(16).toString('hex');
  const renew = () => {
    provider = createProvider({ issuer: server.url, options, jwks: keys.privateJwks(), cookieKey, store, accounts });
  };
  renew();

  const subject = ({ email }) => {
    const account = accounts.list().find((user) => user.email === email);
    if (email && !account) throw new HttpError(404, `no user ${email}`);
    return account && { sub: account.sub };
  };
  const admin = await startAdmin({
    ...commonRoutes(counts, faults),
    'POST /rotate_key': (input) => {
      const rotated = keys.rotate(input);
      renew();
      return rotated;
    },
    'GET /users': () => accounts.list(),
    'GET /sessions': ({ email, ...filter }) => store.sessions({ ...filter, ...subject({ email }) }),
    'DELETE /sessions': ({ email, ...filter }) => store.revoke({ ...filter, ...subject({ email }) }),
  }, { port: options.admin_port });

  endOnSignal([server.close, admin.close], options);
  console.log(`ADMIN ${admin.url}`);
  console.log(`READY ${server.url}`);
});
