// What the odd provider can be told, and the token endpoint's ways to say no.
import { HttpError } from './http.mjs';
import { VARIANTS } from './odd_tokens.mjs';

/** Every setting: its default, and the values it takes if they are few. */
const SETTINGS = {
  redirect: ['ok', ['ok', 'denied', 'server_error', 'wrong_state', 'no_state', 'wrong_iss', 'no_code']],
  iss_in_redirect: [false],
  issuer_path: [''],
  discovery: ['off', ['off', 'on', 'wrong_issuer']],
  only_port: [0],
  answer: ['normal', ['normal', 'form', 'error_200', 'error_403', 'error_400_empty', 'error_500', 'error_429', 'error_503', 'html']],
  error: ['bad_verification_code'],
  retry_after: [1],
  token_type: ['Bearer'],
  expires_in: [3600],
  omit: [''],
  rotate_refresh: [false],
  id_token: ['ok', Object.keys(VARIANTS)],
  user_in_token: [false],
  user_id: ['string', ['string', 'number', 'big', 'negative', 'float', 'null', 'missing']],
  user_key: ['sub'],
};

export const defaults = () => Object.fromEntries(Object.entries(SETTINGS).map(([name, [value]]) => [name, value]));

/** Puts `changes` into `settings`; an unknown name or value is refused. */
export function change(settings, changes) {
  for (const [name, value] of Object.entries(changes)) {
    if (!(name in SETTINGS)) throw new HttpError(400, `unknown setting ${name}`);
    const [initial, values] = SETTINGS[name];
    if (values && !values.includes(value)) throw new HttpError(400, `${name} is one of ${values.join(', ')}`);
    if (typeof initial === 'boolean') settings[name] = value === true || value === 1;
    else settings[name] = value;
  }
}

/** Refusals of the token endpoint as real providers send them: [status, headers, body]. */
export const refusals = {
  error_200: ({ error }) => [200, {}, { error, error_description: 'The code passed is incorrect or expired.', error_uri: 'https://docs.invalid' }],
  error_403: () => [403, {}, { error: 'invalid_code' }],
  error_400_empty: () => [400, {}, ''],
  error_500: () => [500, {}, '<html><body>Internal Server Error</body></html>'],
  error_503: ({ retry_after: wait }) => [503, { 'retry-after': String(wait) }, ''],
  error_429: ({ retry_after: wait }) => [429, { 'retry-after': String(wait) }, { error: 'rate_limited' }],
  html: () => [200, { 'content-type': 'text/html' }, '<!doctype html><title>Maintenance</title><h1>Back soon</h1>'],
};

/** User ids as they stand in JSON text; 2^53+1 does not survive a double. */
const USER_IDS = { string: '"odd-user-1"', number: '1234567', big: '9007199254740993', negative: '-7', float: '1.5', null: 'null' };

/** The user object as JSON text, made by hand because of the number literals. */
export function userJson({ user_id: kind, user_key: key }, profile) {
  const rest = JSON.stringify(profile).slice(1, -1);
  return kind === 'missing' ? `{${rest}}` : `{${JSON.stringify(key)}:${USER_IDS[kind]},${rest}}`;
}

/** The same id as a string, for the id_token's sub. */
export const subject = ({ user_id: kind }) => (USER_IDS[kind] ?? '"odd-user-1"').replaceAll('"', '');
