#!/usr/bin/env node
// Makes a login by plain HTTP, without a browser: http_login.mjs URL [flags], or --serve for many.
import { login } from './lib/forms.mjs';
import { serveOpen } from './lib/open_server.mjs';
import { flagsOfMode, PERSON_FLAGS } from './lib/person.mjs';
import { endOnSignal, readOptions, run } from './lib/program.mjs';

run(async () => {
  const { options, positionals } = readOptions({ ...PERSON_FLAGS, mode: '', serve: false, port: 0, until_stdin_closes: false });
  if (options.serve) {
    const server = await serveOpen(login, options);
    endOnSignal([server.close], options);
    console.log(`READY ${server.url}`);
    return;
  }
  if (positionals.length !== 1) throw new Error('usage: http_login.mjs URL [--as WHO] [--signup EMAIL] [--deny] ...');
  const result = await login(positionals[0], { ...options, ...(options.mode && flagsOfMode(options.mode)) })
    .catch((error) => ({ ok: false, error: error.cause?.message ?? error.message }));
  console.log(JSON.stringify(result));
  process.exitCode = result.ok ? 0 : 1;
});
