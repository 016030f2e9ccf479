// A login in Chromium: answers the provider's pages as a person would, up to the page of the loopback listener.
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { chromium } from 'playwright-core';
import { landing, personOf } from './person.mjs';

const ARGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];

/** Chromium with an empty profile. Its home is a folder of its own kind, which its helpers still write to after its end. */
export function launch({ headed = false } = {}) {
  const home = path.join(os.tmpdir(), `authflow-chromium-${process.getuid()}`);
  fs.mkdirSync(home, { recursive: true, mode: 0o700 });
  return chromium.launch({
    executablePath: process.env.AUTHFLOW_TEST_CHROMIUM ?? '/usr/bin/chromium', headless: !headed, args: ARGS,
    env: { ...process.env, HOME: home }, handleSIGTERM: false, handleSIGINT: false,
  });
}

/** Makes the login in a fresh context and describes the page where it ended. */
export async function drive(browser, url, { timeout_ms: timeoutMs = 60_000, ...flags } = {}) {
  let timer;
  let context;
  const late = new Promise((resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`not there after ${timeoutMs} ms`)), timeoutMs);
  });
  const open = async () => {
    context = await browser.newContext({ ignoreHTTPSErrors: flags.insecure });
    context.setDefaultTimeout(0); // The one deadline is ours.
    return visit(await context.newPage(), url, flags);
  };
  try {
    return await Promise.race([open(), late]);
  } finally {
    clearTimeout(timer);
    context?.close().catch(() => {}); // Not waited for: a crashed page may keep it.
  }
}

async function visit(page, url, { screenshot = '', wait_text: waitText = '', looks = false, ...flags }) {
  const requests = [];
  page.on('request', (request) => requests.push(request));
  const shoot = (file) => screenshot && page.screenshot({ path: file });
  const landed = watchForLanding(page, landing(url));
  await page.goto(url, { waitUntil: 'commit' }).catch(({ message }) => { throw new Error(withoutQueries(message)); });
  const ok = await answerPages(page, personOf(flags), landed, (kind) => shoot(screenshot.replace(/(\.png)?$/, `-${kind}.png`)));
  await page.waitForLoadState();
  if (waitText) await page.getByText(waitText).first().waitFor();
  if (looks) {
    const landing = requests.findLastIndex((request) => request.isNavigationRequest() && request.frame() === page.mainFrame());
    const fetched = requests.slice(landing + 1).map((request) => request.url()).filter((url) => !url.startsWith('data:'));
    const seen = await lookAt(page, screenshot);
    return { ok, status: landed.status, ...(await describe(page)), fetched, looks: seen };
  }
  await shoot(screenshot);
  return { ok, status: landed.status, ...(await describe(page)) };
}

const LOOKS = {
  light: { colorScheme: 'light', width: 800, height: 500 },
  dark: { colorScheme: 'dark', width: 800, height: 500 },
  phone: { colorScheme: 'light', width: 390, height: 700 },
};

/** The page in each look: what axe-core finds wrong in it, and whether it is wider than its window. FILE-<look>.png. */
async function lookAt(page, screenshot) {
  const axe = fs.readFileSync(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
  await page.evaluate(axe); // Its own Content-Security-Policy lets no script in by a tag.
  const seen = {};
  for (const [look, { colorScheme, ...size }] of Object.entries(LOOKS)) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize(size);
    const wrong = await page.evaluate(async () => (await globalThis.axe.run()).violations.map(({ id, help }) => `${id}: ${help}`));
    const overflows = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
    if (screenshot) await page.screenshot({ path: screenshot.replace(/(\.png)?$/, `-${look}.png`) });
    seen[look] = { wrong, overflows };
  }
  return seen;
}

const withoutQueries = (message) => message.split('\n')[0].replaceAll(/\?\S*/g, '');

/** A promise that is kept once the page shows a URL where the login ends, with the last page's HTTP status on it. */
function watchForLanding(page, landed) {
  const main = page.mainFrame();
  const arrival = new Promise((resolve, reject) => {
    page.on('framenavigated', (frame) => frame === main && landed(frame.url()) && resolve());
    page.on('requestfailed', (request) => {
      if (!request.isNavigationRequest() || request.frame() !== main) return;
      reject(new Error(withoutQueries(`${request.failure()?.errorText} at ${request.url()}`)));
    });
  });
  arrival.catch(() => {}); // Whoever awaits it hears of it.
  page.on('response', (response) => {
    if (response.request().isNavigationRequest() && response.frame() === main) arrival.status = response.status();
  });
  return arrival;
}

/** Answers one page after the other; false if the provider shows one that a person cannot pass. */
async function answerPages(page, person, landed, shootPage) {
  const unanswered = page.locator('body[data-page]:not([data-answered])');
  for (;;) {
    const shown = unanswered.waitFor({ state: 'attached' }).then(() => true);
    shown.catch(() => {}); // It is left waiting when the login lands.
    if (!(await Promise.race([landed.then(() => false), shown]))) return true;

    const kind = await unanswered.getAttribute('data-page');
    await shootPage(kind);
    if (await page.locator('#error').count()) return false;
    if (kind === 'device_done') return true;
    await unanswered.evaluate((body) => { body.dataset.answered = 'yes'; }); // Until the next page is there.
    await answerPage(page, kind, person);
  }
}

async function answerPage(page, kind, person) {
  if (person.deny) return page.click('#cancel');
  if (kind === 'confirm') return page.click('#allow');
  if (kind === 'consent') return page.click(person.deny_consent ? '#cancel' : '#allow');
  if (kind === 'login' && person.signup) return page.click('#to-signup');
  if (kind === 'signup' && !person.signup) return page.click('#to-login');
  if (kind === 'signup') await page.fill('#name', person.name);
  await page.fill('#email', person.email);
  await page.fill('#password', person.password);
  return page.click('#submit');
}

async function describe(page) {
  const h1 = page.locator('h1').first();
  const body = (await page.locator('body').innerText()).replace(/\s+/g, ' ').trim();
  const heading = (await h1.count()) ? (await h1.innerText()).trim() : '';
  return { path: new URL(page.url()).pathname, title: await page.title(), h1: heading, text: body };
}
