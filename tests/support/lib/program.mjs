// What every program here does the same way: read its options, announce its addresses, end on SIGTERM.
import * as fs from 'node:fs';
import { parseArgs } from 'node:util';

/**
 * Options from flags, else from the JSON file that --config names, else the defaults. A flag is the option's name with
 * dashes: access_token_ttl is --access-token-ttl. The type of the default is the type of the option; a boolean b can be
 * denied by --no-b, and a list takes commas or several flags.
 */
export function readOptions(defaults, args = process.argv.slice(2)) {
  const flag = (name) => name.replaceAll('_', '-');
  const spec = { config: { type: 'string' } };
  for (const [name, value] of Object.entries(defaults)) {
    spec[flag(name)] = { type: typeof value === 'boolean' ? 'boolean' : 'string', multiple: Array.isArray(value) };
  }
  const { values, positionals } = parseArgs({ args, options: spec, allowPositionals: true, allowNegative: true });
  const file = values.config ? JSON.parse(fs.readFileSync(values.config, 'utf8')) : {};
  for (const name of Object.keys(file)) {
    if (!(name in defaults)) throw new Error(`${values.config}: unknown option ${name}`);
  }
  const options = { ...defaults, ...file };
  for (const [name, value] of Object.entries(defaults)) {
    const given = values[flag(name)];
    if (given !== undefined) options[name] = convert(given, value, flag(name));
  }
  return { options, positionals };
}

function convert(given, example, flag) {
  if (Array.isArray(example)) return given.flatMap((text) => text.split(',')).filter(Boolean);
  if (typeof example !== 'number') return given;
  const number = Number(given);
  if (given === '' || Number.isNaN(number)) throw new Error(`--${flag}: ${given} is not a number`);
  return number;
}

/** Runs main; a failure is one line on stderr and exit code 2. */
export function run(main) {
  main().catch((error) => {
    console.error(error.message);
    process.exit(2);
  });
}

/** Ends with exit code 0 on SIGTERM or SIGINT (and, if asked, when stdin closes), after closing everything given. */
export function endOnSignal(closers, { until_stdin_closes: untilStdinCloses = false } = {}) {
  let ending = false;
  const end = async () => {
    if (ending) return;
    ending = true;
    await Promise.allSettled(closers.map((close) => close()));
    process.exit(0);
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  if (untilStdinCloses) process.stdin.on('end', end).on('error', end).resume();
}
