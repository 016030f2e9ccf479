#!/usr/bin/env node
// Makes a login in Chromium: browser.mjs URL [flags], or --serve for many with one warm browser.
import { drive, launch } from './lib/drive.mjs';
import { serveOpen } from './lib/open_server.mjs';
import { PERSON_FLAGS } from './lib/person.mjs';
import { endOnSignal, readOptions, run } from './lib/program.mjs';

const DEFAULTS = {
  ...PERSON_FLAGS, screenshot: '', wait_text: '', looks: false, insecure: false, headed: false, serve: false, port: 0, until_stdin_closes: false,
};

run(async () => {
  const { options, positionals } = readOptions(DEFAULTS);
  if (!options.serve && positionals.length !== 1) throw new Error('usage: browser.mjs URL [--as WHO] [--signup EMAIL] [--deny] ..., or --serve');
  const browser = await launch(options);
  if (options.serve) {
    const { insecure, timeout_ms: timeoutMs } = options;
    const server = await serveOpen((url, flags) => drive(browser, url, { insecure, timeout_ms: timeoutMs, ...flags }), options);
    const crashed = () => process.exit(1); // A crashed browser ends its server.
    browser.on('disconnected', crashed);
    // Ours alone is taken off: close() has a listener of its own there.
    endOnSignal([() => browser.off('disconnected', crashed), server.close, () => browser.close()], options);
    console.log(`READY ${server.url}`);
    return;
  }
  const result = await drive(browser, positionals[0], options).catch((error) => ({ ok: false, error: error.message }));
  console.log(JSON.stringify(result));
  process.exitCode = result.ok ? 0 : 1;
  await browser.close();
});
