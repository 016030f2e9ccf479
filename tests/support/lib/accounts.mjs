// The people who can sign in: in memory, passwords hashed.
import * as crypto from 'node:crypto';

/** Exist from the start. Everybody may know these passwords. */
export const SEEDED = {
  alice: { email: 'alice@example.com', name: 'Alice Example', password: 'correct horse' },
  bob: { email: 'bob@example.com', name: 'Bob Example', password: 'battery staple' },
};

const hash = (password, salt) => crypto.scryptSync(password, salt, 32, { N: 1024 }); // Cheap: many logins on a small machine.

/** The user id is derived from the address, so a restarted provider knows the same people. */
export const subjectOf = (email) => `user-${crypto.createHash('sha256').update(email).digest('hex').slice(0, 16)}`;

export class Accounts {
  #byEmail = new Map();
  #bySubject = new Map();

  constructor(users = Object.values(SEEDED)) {
    for (const user of users) this.add(user);
  }

  /** The new account, or undefined if the address is taken. */
  add({ email, name, password, verified = true }) {
    const key = email.toLowerCase();
    if (this.#byEmail.has(key)) return undefined;
    const salt = crypto.randomBytes(16);
    const account = { sub: subjectOf(key), email: key, name, verified, salt, hash: hash(password, salt) };
    this.#byEmail.set(key, account);
    this.#bySubject.set(account.sub, account);
    return account;
  }

  /** The account, if the password is right. */
  check(email, password) {
    const account = this.#byEmail.get(email.toLowerCase());
    return account && crypto.timingSafeEqual(account.hash, hash(password, account.salt)) ? account : undefined;
  }

  bySubject(sub) {
    return this.#bySubject.get(sub);
  }

  list() {
    return [...this.#byEmail.values()].map(({ sub, email, name }) => ({ sub, email, name }));
  }
}
