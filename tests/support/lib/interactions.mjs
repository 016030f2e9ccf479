// What a person does at the provider between the authorization request and the redirect: sign in or up, consent, cancel.
import { readForm, sendHtml } from './http.mjs';
import { consentPage, errorPage, loginPage, signupPage } from './pages.mjs';

const PATH = /^\/interaction\/[\w-]+$/;

export const isInteraction = (pathname) => PATH.test(pathname);

/** Shows the page of the interaction that the request's cookie names, or takes what was posted to it. */
export async function interact(provider, accounts, req, res) {
  let details;
  try {
    details = await provider.interactionDetails(req, res);
  } catch (error) {
    return sendHtml(res, error.statusCode ?? 400, errorPage({ code: error.error ?? 'invalid_request', description: error.error_description }));
  }
  const step = details.prompt.name === 'consent' ? consent : signIn;
  return step({ provider, accounts, details, req, res, form: req.method === 'POST' ? await readForm(req) : undefined });
}

/** The login and the sign-up page: one interaction, two forms. */
async function signIn({ provider, accounts, details, req, res, form }) {
  if (form?.get('action') === 'cancel') return cancel(provider, req, res);
  const asked = new URL(req.url, 'http://provider').searchParams.get('form') ?? (details.prompt.name === 'create' ? 'signup' : 'login');
  const show = asked === 'signup' ? signupPage : loginPage;
  const client = details.params.client_id;
  if (!form) return sendHtml(res, 200, show({ client, email: details.params.login_hint }));

  const [email, password, name] = ['email', 'password', 'name'].map((field) => form.get(field)?.trim() ?? '');
  const refuse = (status, problem) => sendHtml(res, status, show({ client, email, name, problem }));
  let account;
  if (form.get('action') === 'signup') {
    if (!/^[^@\s]+@[^@\s]+$/.test(email) || !password) return refuse(400, 'An e-mail address and a password are needed.');
    account = accounts.add({ email, password, name: name || email.split('@')[0], verified: false });
    if (!account) return refuse(409, 'This e-mail address has an account already.');
  } else {
    account = accounts.check(email, password);
    if (!account) return refuse(401, 'Wrong e-mail address or password.');
  }
  const done = { login: { accountId: account.sub }, ...(details.prompt.name === 'create' && { create: {} }) };
  return provider.interactionFinished(req, res, done, { mergeWithLastSubmission: true });
}

async function consent({ provider, accounts, details, req, res, form }) {
  const { missingOIDCScope = [], missingOIDCClaims = [], missingResourceScopes = {} } = details.prompt.details;
  if (form?.get('action') === 'cancel') return cancel(provider, req, res);
  if (form?.get('action') !== 'allow') {
    const scopes = String(details.params.scope ?? '').split(' ').filter(Boolean);
    const email = accounts.bySubject(details.session.accountId)?.email;
    return sendHtml(res, 200, consentPage({ client: details.params.client_id, email, scopes }));
  }
  const grant = (details.grantId && await provider.Grant.find(details.grantId))
    || new provider.Grant({ accountId: details.session.accountId, clientId: details.params.client_id });
  if (missingOIDCScope.length) grant.addOIDCScope(missingOIDCScope.join(' '));
  if (missingOIDCClaims.length) grant.addOIDCClaims(missingOIDCClaims);
  for (const [resource, scopes] of Object.entries(missingResourceScopes)) grant.addResourceScope(resource, scopes.join(' '));
  const result = { consent: { grantId: await grant.save() } };
  return provider.interactionFinished(req, res, result, { mergeWithLastSubmission: true });
}

const cancel = (provider, req, res) =>
  provider.interactionFinished(req, res, { error: 'access_denied', error_description: 'The person cancelled' });
