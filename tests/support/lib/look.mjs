// One look at a page: what it holds, what it asked for, and whether everybody can read it.
import * as path from 'node:path';
import axe from 'axe-core';

const TIMEOUT = 60_000;

/** Opens `url` in a fresh context of that width and colour scheme. A picture is of the whole page, or of its first `height` pixels. */
export async function look(browser, url, { width, scheme, screenshots = '', height = 0 }) {
  const context = await browser.newContext({ viewport: { width, height: height || 800 }, colorScheme: scheme });
  context.setDefaultTimeout(TIMEOUT);
  const page = await context.newPage();
  const requests = [];
  const problems = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('console', (message) => ['error', 'warning'].includes(message.type()) && problems.push(message.text()));
  page.on('pageerror', (error) => problems.push(error.message));
  const response = await page.goto(url);
  if (screenshots) await page.screenshot({ path: path.join(screenshots, `${width}-${scheme}.png`), fullPage: !height });
  const seen = await page.evaluate(describe);
  await page.evaluate(`${axe.source}; undefined`); // Not a script tag: the page's policy forbids those.
  const { violations, passes } = await page.evaluate(() => axe.run()); // eslint-disable-line no-undef
  await context.close();
  return {
    width, scheme, status: response.status(), headers: response.headers(), ...seen,
    // By chance what a browser asks for by itself, such as an icon: told apart from the page.
    requests, problems,
    axe: violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.target.join(' ')).join(', ')}`), axe_passes: passes.length,
  };
}

/** In the page. */
function describe() {
  const words = (element) => element.textContent.replace(/\s+/g, ' ').trim();
  const rows = (table, part) => [...table.querySelectorAll(`${part} tr`)].map((row) => [...row.cells].map(words));
  const channel = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
  const parse = (color) => color.match(/[\d.]+/g).map(Number);
  const luminance = ([red, green, blue]) => 0.2126 * channel(red / 255) + 0.7152 * channel(green / 255) + 0.0722 * channel(blue / 255);
  const ground = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      if (color.length === 3 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  // WCAG 2.2, 1.4.3. axe does not judge the text of a picture.
  const contrast = (element) => {
    const style = getComputedStyle(element);
    const [one, other] = [parse(element.closest('svg') ? style.fill : style.color), ground(element)].map(luminance);
    return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  };
  const texts = [...document.querySelectorAll('body *')]
    .filter((element) => element.checkVisibility() && !['title', 'desc', 'style'].includes(element.localName)
      && [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim()))
    .map((element) => ({ text: words(element).slice(0, 40), contrast: contrast(element), size: Number.parseFloat(getComputedStyle(element).fontSize) }));
  return {
    title: document.title,
    text: words(document.body),
    client_width: document.documentElement.clientWidth,
    scroll_width: document.documentElement.scrollWidth,
    least_contrast: texts.reduce((least, next) => (next.contrast < least.contrast ? next : least)),
    scripts: document.querySelectorAll('script').length,
    links: [...document.links].map((link) => link.href),
    funnels: [...document.querySelectorAll('section.funnel')].map((section) => ({
      name: words(section.querySelector('h2')),
      summary: words(section.querySelector('p')),
      picture: [...section.querySelectorAll('svg text')].map(words),
      bars: [...section.querySelectorAll('svg rect.flows')].map((bar) => bar.getBoundingClientRect().width),
      steps: rows(section.querySelector('[data-table=steps]'), 'tbody'),
      drop_offs: [...section.querySelectorAll('[data-table=drop-offs]')].flatMap((table) => rows(table, 'tbody')),
    })),
    failures: [...document.querySelectorAll('section[aria-labelledby=failures] h3')].map((heading) => [
      words(heading), ...[...heading.nextElementSibling.children].map(words)]),
    overview: [...document.querySelectorAll('section[aria-labelledby=overview] table')].flatMap((table) => rows(table, 'tbody')),
  };
}
