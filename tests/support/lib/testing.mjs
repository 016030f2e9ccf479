// For the self-tests: starts a program and reads its READY and ADMIN lines; calls its admin server.
import { spawn } from 'node:child_process';
import * as path from 'node:path';
import * as readline from 'node:readline';

const FOLDER = path.dirname(import.meta.dirname);

/** Starts a program of this folder: { ready, admin, stop }; `stop` gives its exit code. */
export async function start(program, ...flags) {
  const child = spawn(process.execPath, [path.join(FOLDER, program), ...flags], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const lines = {};
  for await (const line of readline.createInterface({ input: child.stdout })) {
    const [word, url] = line.split(' ');
    lines[word] = url;
    if (word === 'READY') break;
  }
  if (!lines.READY) throw new Error(`${program} ended with ${await exited}`);
  child.stdout.resume();
  const stop = () => {
    child.kill('SIGTERM');
    return exited;
  };
  return { ready: lines.READY, admin: lines.ADMIN && adminOf(lines.ADMIN), stop };
}

/** admin('POST', '/faults', {...}) gives the answer's JSON, and throws on any other status than 200. */
function adminOf(url) {
  return async (method, call, body) => {
    const response = await fetch(url + call, { method, ...(body && { body: JSON.stringify(body) }) });
    const answer = await response.json();
    if (!response.ok) throw Object.assign(new Error(answer.error), { status: response.status, answer });
    return answer;
  };
}
