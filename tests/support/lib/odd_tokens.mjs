// The id_token of the odd provider: signed properly, or wrong in exactly one way.
import * as crypto from 'node:crypto';

const b64 = (value) => Buffer.from(typeof value === 'string' || Buffer.isBuffer(value) ? value : JSON.stringify(value)).toString('base64url');

/** A compact JWS over `claims`. */
export function sign(header, claims, key) {
  const input = `${b64(header)}.${b64(claims)}`;
  let signature = Buffer.alloc(0);
  if (header.alg === 'HS256') signature = crypto.createHmac('sha256', key).update(input).digest();
  else if (header.alg !== 'none') signature = crypto.sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
  return `${input}.${b64(signature)}`;
}

const hour = 3600;

/** Each changes the claims, the header or the key of a good token. `other` is a key that is not published. */
export const VARIANTS = {
  ok: () => {},
  wrong_aud: (t) => { t.claims.aud = 'somebody-else'; },
  multi_aud: (t) => { t.claims.aud = [t.claims.aud, 'somebody-else']; }, // No azp.
  multi_aud_azp: (t) => { t.claims.azp = t.claims.aud; t.claims.aud = [t.claims.aud, 'somebody-else']; }, // This one is valid.
  wrong_azp: (t) => { t.claims.azp = 'somebody-else'; t.claims.aud = [t.claims.aud, 'somebody-else']; },
  wrong_iss: (t) => { t.claims.iss = 'https://issuer.invalid'; },
  slash_iss: (t) => { t.claims.iss += '/'; },
  wrong_nonce: (t) => { t.claims.nonce = 'another nonce'; },
  no_nonce: (t) => { delete t.claims.nonce; },
  expired: (t) => { t.claims.iat -= 2 * hour; t.claims.exp = t.claims.iat + hour; },
  future: (t) => { t.claims.iat += 2 * hour; t.claims.nbf = t.claims.iat; t.claims.exp += 2 * hour; },
  no_exp: (t) => { delete t.claims.exp; },
  no_sub: (t) => { delete t.claims.sub; },
  other_sub: (t) => { t.claims.sub = 'another-user'; }, // Userinfo says otherwise.
  alg_none: (t) => { t.header = { alg: 'none', typ: 'JWT' }; },
  hs256_public_key: (t) => { t.header.alg = 'HS256'; t.key = t.signing.publicKey.export({ type: 'spki', format: 'pem' }); },
  unknown_kid: (t) => { t.header.kid = 'no-such-key'; },
  no_kid: (t) => { delete t.header.kid; },
  bad_signature: (t) => { t.key = t.other; },
  garbage: (t) => { t.raw = 'this.is.garbage'; },
  two_parts: (t) => { t.raw = `${b64(t.header)}.${b64(t.claims)}`; },
};

/** The id_token in the wanted variant. `signing` is the published key, of lib/keys.mjs. */
export function idToken({ variant, signing, other, issuer, clientId, nonce, sub, profile }) {
  const now = Math.floor(Date.now() / 1000);
  const token = {
    header: { alg: signing.alg, typ: 'JWT', kid: signing.kid },
    claims: { iss: issuer, sub, aud: clientId, iat: now, exp: now + hour, ...(nonce && { nonce }), ...profile },
    key: signing.privateKey, signing, other, raw: undefined,
  };
  VARIANTS[variant](token);
  return token.raw ?? sign(token.header, token.claims, token.key);
}
