// Signing keys with a key id each; a rotation puts a new one in front.
import * as crypto from 'node:crypto';

const generate = {
  RS256: () => crypto.generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' }),
};

export class SigningKeys {
  #made = 0;
  #keys = []; // Newest first: { kid, alg, privateKey, publicKey }.

  constructor(alg) {
    if (!generate[alg]) throw new Error(`alg must be RS256 or ES256, not ${alg}`);
    this.alg = alg;
    this.rotate();
  }

  /** A new key signs from now on; the older ones stay published unless dropped. */
  rotate({ drop = false } = {}) {
    this.#made += 1;
    const key = { kid: `${this.alg.toLowerCase()}-${this.#made}`, alg: this.alg, ...generate[this.alg]() };
    this.#keys = drop ? [key] : [key, ...this.#keys];
    return { kid: key.kid, kids: this.#keys.map(({ kid }) => kid) };
  }

  get current() {
    return this.#keys[0];
  }

  privateJwks() {
    return { keys: this.#keys.map((key) => jwk(key, key.privateKey)) };
  }

  publicJwks() {
    return { keys: this.#keys.map((key) => jwk(key, key.publicKey)) };
  }
}

const jwk = ({ kid, alg }, key) => ({ ...key.export({ format: 'jwk' }), kid, alg, use: 'sig' });
