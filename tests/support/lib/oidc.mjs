// The OpenID provider's configuration: clients, scopes, lifetimes.
import { interactionPolicy, Provider } from 'oidc-provider';
import { confirmPage, devicePage, doneDevicePage, errorPage } from './pages.mjs';

const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';
const LOOPBACK = ['http://127.0.0.1/callback', 'http://[::1]/callback']; // A native client's: any port.

/** The clients. `fixed` is of type web because only a native client's loopback ports are free. */
export const clients = ({ alg, fixed_ports: ports }) => [
  { client_id: 'cli', application_type: 'native', token_endpoint_auth_method: 'none', redirect_uris: LOOPBACK,
    grant_types: ['authorization_code', 'refresh_token', DEVICE] },
  { client_id: 'svc', application_type: 'native', token_endpoint_auth_method: 'client_secret_basic', redirect_uris: LOOPBACK,
    client_secret: 'svc-secret-0123456789abcdef', grant_types: ['authorization_code', 'refresh_token', 'client_credentials', DEVICE] },
  { client_id: 'post', application_type: 'native', token_endpoint_auth_method: 'client_secret_post', redirect_uris: LOOPBACK,
    client_secret: 'post-secret-0123456789abcdef' },
  { client_id: 'fixed', application_type: 'web', token_endpoint_auth_method: 'none',
    redirect_uris: ports.flatMap((port) => [`http://127.0.0.1:${port}/callback`, `http://localhost:${port}/callback`]) },
].map((client) => ({
  grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'], id_token_signed_response_alg: alg, ...client,
}));

export function createProvider({ issuer, options, jwks, cookieKey, store, accounts }) {
  const policy = interactionPolicy.base();
  policy.add(new interactionPolicy.Prompt({ name: 'create', requestable: true }), 0); // prompt=create: sign up

  const provider = new Provider(issuer, {
    adapter: store.adapter,
    jwks,
    clients: clients(options),
    responseTypes: ['code'],
    cookies: { keys: [cookieKey] },
    scopes: ['openid', 'offline_access', 'email', 'profile'],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    conformIdTokenClaims: false, // E-mail and name in the id_token too, not only at userinfo.
    clockTolerance: 0,
    rotateRefreshToken: options.rotate_refresh_tokens,
    pkce: { required: () => true },
    enabledJWA: { idTokenSigningAlgValues: ['RS256', 'ES256'], userinfoSigningAlgValues: ['RS256', 'ES256'], introspectionSigningAlgValues: ['RS256', 'ES256'] },
    issueRefreshToken: async (ctx, client, code) => client.grantTypeAllowed('refresh_token') && code.scopes.has('offline_access'),
    ttl: {
      AccessToken: options.access_token_ttl, AuthorizationCode: options.code_ttl, RefreshToken: options.refresh_token_ttl,
      DeviceCode: options.device_code_ttl, IdToken: 300, ClientCredentials: 300, Interaction: 3600, Session: 86_400, Grant: 86_400,
    },
    features: {
      devInteractions: { enabled: false },
      revocation: { enabled: true },
      introspection: { enabled: options.introspection },
      clientCredentials: { enabled: true },
      pushedAuthorizationRequests: { enabled: true },
      userinfo: { enabled: true },
      deviceFlow: {
        enabled: options.device,
        userCodeInputSource: (ctx, form, out, err) => {
          ctx.body = devicePage({ form, problem: err && (err.name === 'AbortedError' ? 'You have declined.' : 'This code is not good.') });
        },
        userCodeConfirmSource: (ctx, form, client, info, code) => {
          ctx.body = confirmPage({ form, client: client.clientId, code });
        },
        successSource: (ctx) => {
          ctx.body = doneDevicePage();
        },
      },
      resourceIndicators: resourceIndicators(options),
    },
    interactions: { policy, url: (ctx, interaction) => `/interaction/${interaction.uid}` },
    renderError: (ctx, out) => {
      ctx.type = 'html';
      ctx.body = errorPage({ code: out.error, description: out.error_description });
    },
    findAccount: async (ctx, sub) => {
      const account = accounts.bySubject(sub);
      return account && {
        accountId: sub,
        claims: async () => ({ sub, email: account.email, email_verified: account.verified, name: account.name }),
      };
    },
  });
  // The provider says no interval, which means 5 s: a test would wait long.
  provider.use(async (ctx, next) => {
    await next();
    if (ctx.oidc?.route === 'device_authorization' && ctx.body.device_code) ctx.body.interval = options.device_interval;
  });
  // Names and traces of the provider's own failures only: no parameter, no token.
  provider.on('server_error', (ctx, error) => console.error('server_error', ctx.path, error.stack));
  return provider;
}

/** With an audience, access tokens are for that resource: JWTs, or opaque ones that only introspection reads. */
function resourceIndicators({ audience, jwt_access_tokens: jwt, alg, access_token_ttl: ttl }) {
  if (!audience && !jwt) return { enabled: false };
  const resource = audience || 'urn:authflow:applications';
  return {
    enabled: true,
    defaultResource: () => resource,
    useGrantedResource: () => true,
    getResourceServerInfo: () => ({
      scope: 'apps:read apps:write', audience: resource, accessTokenTTL: ttl,
      ...(jwt ? { accessTokenFormat: 'jwt', jwt: { sign: { alg } } } : { accessTokenFormat: 'opaque' }),
    }),
  };
}
