// A login without a browser: follows redirects, keeps cookies, fills in the provider's forms.
import { landing, personOf } from './person.mjs';

/** Enough of a cookie jar for one host: by name and path, session cookies only. */
class Cookies {
  #cookies = new Map();

  header(url) {
    const { pathname } = new URL(url);
    return [...this.#cookies.values()].filter((cookie) => pathname.startsWith(cookie.path)).map((cookie) => cookie.pair).join('; ');
  }

  take(response) {
    for (const line of response.headers.getSetCookie()) {
      const [pair, ...attributes] = line.split(';').map((part) => part.trim());
      const path = attributes.find((text) => /^path=/i.test(text))?.slice(5) ?? '/';
      const key = `${pair.slice(0, pair.indexOf('='))} ${path}`;
      if (attributes.some((text) => /^expires=thu, 01 jan 1970/i.test(text))) this.#cookies.delete(key);
      else this.#cookies.set(key, { pair, path });
    }
  }
}

/** A page as a reader sees it, near enough: no tags, single spaces. */
const visible = (html) => html.replace(/<(style|script|title)[\s\S]*?<\/\1>/gi, '').replace(/<[^>]*>/g, ' ').replace(/\s+/g, ' ').trim();

const inside = (html, tag) => visible(new RegExp(`<${tag}[^>]*>([\\s\\S]*?)</${tag}>`, 'i').exec(html)?.[1] ?? '');

/** What a person types into the page that `html` is: the form's fields, or undefined if it is none of the provider's. */
function fill(html, person) {
  const kind = /data-page="(\w+)"/.exec(html)?.[1];
  const { email, password, name } = person;
  if (kind === 'login' || kind === 'signup') {
    if (person.deny) return { action: 'cancel' };
    if (!person.signup) return { action: 'login', email, password };
    return { action: 'signup', email, password, name };
  }
  if (kind === 'consent') return { action: person.deny || person.deny_consent ? 'cancel' : 'allow' };
  return undefined;
}

/** A form of the device pages, which has hidden fields only: it posts itself, or asks whether the code is the person's. */
function hiddenForm(html, person) {
  const kind = /data-page="(\w+)"/.exec(html)?.[1];
  const form = /<form[^>]* action="([^"]*)"/.exec(html);
  if (!form || (kind && kind !== 'confirm')) return undefined;
  const fields = [...html.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)"/g)].map(([, name, value]) => [name, value]);
  if (kind === 'confirm' && person.deny) fields.push(['abort', 'yes']);
  return { action: form[1], fields };
}

/**
 * Goes from an authorization URL to the loopback redirect and delivers it. The answer is that page's
 * { ok, status, path, title, h1, text }; not ok when the provider showed something else. With `deliver: false` the
 * redirect is not fetched, and `redirect` is its URL. From the address of a device's code it goes to the page that says so.
 */
export async function login(url, { deliver = true, timeout_ms: timeoutMs = 60_000, ...flags } = {}) {
  const person = personOf(flags);
  const landed = landing(url);
  const cookies = new Cookies();
  const signal = AbortSignal.timeout(timeoutMs);
  const visit = async (target, options = {}) => {
    const cookie = cookies.header(target);
    const response = await fetch(target, { redirect: 'manual', signal, ...options, headers: cookie ? { cookie } : {} });
    cookies.take(response);
    return response;
  };

  let response = await visit(url);
  let at = url;
  for (let step = 0; step < 20; step += 1) {
    const html = await response.text();
    const to = response.headers.get('location');
    if (to && response.status >= 300 && response.status < 400) {
      at = new URL(to, at).href;
      if (landed(at)) {
        if (!deliver) return { ok: true, redirect: at };
        return describe(true, at, await fetch(at, { signal }));
      }
      response = await visit(at);
      continue;
    }
    if (/data-page="device_done"/.test(html)) return describe(true, at, response, html);
    const hidden = response.ok ? hiddenForm(html, person) : undefined;
    if (hidden) {
      at = new URL(hidden.action, at).href;
      response = await visit(at, { method: 'POST', body: new URLSearchParams(hidden.fields) });
      continue;
    }
    const fields = response.ok ? fill(html, person) : undefined;
    if (!fields) return describe(false, at, response, html);
    const action = fields.action === 'signup' ? `${at.split('?')[0]}?form=signup` : at;
    response = await visit(action, { method: 'POST', body: new URLSearchParams(fields) });
  }
  throw new Error('too many redirects');
}

/** The page where it ended. The query is left out: it holds the code. */
async function describe(ok, url, response, html) {
  html ??= await response.text();
  return { ok, status: response.status, path: new URL(url).pathname, title: inside(html, 'title'), h1: inside(html, 'h1'), text: visible(html) };
}
