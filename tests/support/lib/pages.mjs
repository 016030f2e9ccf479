// The provider's HTML pages. The ids are a contract: drivers and people's tests click on them.
const escape = (text) => String(text ?? '').replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

const STYLE = `
  body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: #eef1f6;
    font: 16px/1.5 system-ui, "DejaVu Sans", sans-serif; color: #1d2433; }
  main { background: #fff; width: 22rem; padding: 2rem 2.25rem; border-radius: 14px; box-shadow: 0 8px 30px #1d243322; }
  h1 { font-size: 1.35rem; margin: 0 0 .25rem; } p { margin: .25rem 0 1rem; color: #556079; }
  label { display: block; font-size: .85rem; margin-top: .75rem; color: #556079; }
  input { width: 100%; box-sizing: border-box; padding: .6rem .7rem; font: inherit; border: 1px solid #c7cede; border-radius: 8px; }
  button { width: 100%; margin-top: 1rem; padding: .65rem; font: inherit; font-weight: 600; border: 0; border-radius: 8px; cursor: pointer;
    background: #3157d5; color: #fff; } button.quiet { margin-top: .5rem; background: #eef1f6; color: #1d2433; }
  #error { background: #fdecec; color: #9d1c1c; padding: .5rem .7rem; border-radius: 8px; } a { color: #3157d5; }
  ul { padding-left: 1.2rem; margin: 0 0 .5rem; }`;

const page = (kind, title, body) => `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escape(title)}</title><style>${STYLE}</style></head>
<body data-page="${kind}"><main><h1>${escape(title)}</h1>
${body}
</main></body></html>
`;

const error = (text) => (text ? `<p id="error" role="alert">${escape(text)}</p>` : '');
const input = (name, label, type, value = '', autocomplete = 'off') =>
  `<label for="${name}">${label}</label><input id="${name}" name="${name}" type="${type}" value="${escape(value)}" required autocomplete="${autocomplete}">`;
const CANCEL = '<button class="quiet" id="cancel" name="action" value="cancel" formnovalidate>Cancel</button>';

export const loginPage = ({ client, email, problem }) => page('login', 'Sign in', `<p>to continue to <b id="client">${escape(client)}</b></p>
${error(problem)}
<form id="login-form" method="post">
${input('email', 'E-mail', 'email', email, 'username')}
${input('password', 'Password', 'password')}
<button id="submit" name="action" value="login">Sign in</button>
${CANCEL}
</form><p>New here? <a id="to-signup" href="?form=signup">Create an account</a></p>`);

export const signupPage = ({ client, email, name, problem }) => page('signup', 'Create your account', `<p>to continue to <b id="client">${escape(client)}</b></p>
${error(problem)}
<form id="signup-form" method="post" action="?form=signup">
${input('name', 'Name', 'text', name)}
${input('email', 'E-mail', 'email', email, 'username')}
${input('password', 'Password', 'password')}
<button id="submit" name="action" value="signup">Create account</button>
${CANCEL}
</form><p>Have one already? <a id="to-login" href="?form=login">Sign in</a></p>`);

const SCOPES = {
  openid: 'know who you are',
  email: 'see your e-mail address',
  profile: 'see your name',
  offline_access: 'stay signed in',
  'apps:read': 'see your applications',
  'apps:write': 'create applications',
};

export const consentPage = ({ client, email, scopes }) => page('consent', 'Allow access?', `<p><b id="client">${escape(client)}</b> would like to, as <span id="account">${escape(email)}</span>:</p>
<ul id="scopes">${scopes.map((scope) => `<li data-scope="${escape(scope)}">${escape(SCOPES[scope] ?? scope)}</li>`).join('')}</ul>
<form id="consent-form" method="post">
<button id="allow" name="action" value="allow">Allow</button>
${CANCEL}
</form>`);

export const errorPage = ({ code, description }) => page('error', 'This did not work', `${error(description || code)}<p>Error: <code id="code">${escape(code)}</code></p>`);

/** Where a code is typed in; `form` is the provider's, without a button. */
export const devicePage = ({ form, problem }) => page('device', 'Type in your code', `${error(problem)}
${form}
<button id="submit" form="op.deviceInputForm">Continue</button>`);

export const confirmPage = ({ form, client, code }) => page('confirm', 'Is this your code?', `<p><b id="client">${escape(client)}</b> should show it: <code id="code">${escape(code)}</code></p>
${form}
<button id="allow" form="op.deviceConfirmForm">Yes</button>
<button class="quiet" id="cancel" form="op.deviceConfirmForm" name="abort" value="yes">Cancel</button>`);

export const doneDevicePage = () => page('device_done', 'You are signed in', '<p>Go back to your terminal.</p>');
