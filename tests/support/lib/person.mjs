// Who drives a login and what that person does, as flags and as one word for an environment variable.
import { SEEDED } from './accounts.mjs';

/** The flags that http_login.mjs and browser.mjs share, with their defaults. */
export const PERSON_FLAGS = { as: 'alice', password: '', signup: '', name: '', deny: false, deny_consent: false, timeout_ms: 60_000 };

/** What to type and click: { email, password, name, signup, deny, deny_consent }. Missing flags have their defaults. */
export function personOf(flags) {
  const given = { ...PERSON_FLAGS, ...flags };
  const seeded = SEEDED[given.as] ?? { email: given.as, password: '' };
  return {
    email: given.signup || seeded.email,
    password: given.password || (given.signup ? 'a new password' : seeded.password),
    name: given.name || given.signup.split('@')[0],
    signup: Boolean(given.signup),
    deny: given.deny,
    deny_consent: given.deny_consent,
  };
}

/** alice | bob | EMAIL | deny | deny-consent | signup:EMAIL[:NAME] | none, as flags; none is { none: true }. */
export function flagsOfMode(mode) {
  if (mode === 'none') return { none: true };
  if (mode === 'deny') return { deny: true };
  if (mode === 'deny-consent') return { deny_consent: true };
  if (mode.startsWith('signup:')) {
    const [, signup, name = ''] = mode.split(':');
    return { signup, name };
  }
  return { as: mode };
}

/** Recognises where the login ends: the redirect_uri of the authorization URL, or any page of another origin. */
export function landing(url) {
  const start = new URL(url);
  const redirect = start.searchParams.get('redirect_uri');
  const origin = redirect && new URL(redirect).origin;
  return (current) => {
    const { origin: here, protocol } = new URL(current);
    return /^https?:$/.test(protocol) && (origin ? here === origin : here !== start.origin);
  };
}
