// Small helpers over node:http. Answers are set, not written ahead, so that lib/faults.mjs can still replace them.
import * as fs from 'node:fs';
import * as http from 'node:http';
import * as https from 'node:https';

/** An answer that is not 200: throw it from a handler. */
export class HttpError extends Error {
  constructor(status, message, extra = {}) {
    super(message);
    this.status = status;
    this.extra = extra;
  }
}

/** May be called again. */
export function readBody(req) {
  req.wholeBody ??= collect(req);
  return req.wholeBody;
}

async function collect(req) {
  const chunks = [];
  for await (const chunk of req) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export const readForm = async (req) => new URLSearchParams((await readBody(req)).toString('utf8'));

export function send(res, status, type, body, headers = {}) {
  res.statusCode = status;
  if (type) res.setHeader('content-type', type);
  res.setHeader('cache-control', 'no-store');
  for (const [name, value] of Object.entries(headers)) res.setHeader(name, value);
  res.end(body);
}

export const sendJson = (res, status, value, headers) =>
  send(res, status, 'application/json', `${JSON.stringify(value)}\n`, headers);

export const sendHtml = (res, status, html) => send(res, status, 'text/html; charset=utf-8', html);

/** Listens and says where: { url, close }. With a certificate and a key it speaks TLS. */
export async function listen(handler, { host = '127.0.0.1', port = 0, tls_cert: cert = '', tls_key: key = '' } = {}) {
  const server = cert
    ? https.createServer({ cert: fs.readFileSync(cert), key: fs.readFileSync(key) }, handler)
    : http.createServer(handler);
  server.keepAliveTimeout = 60_000; // Longer than any client keeps an idle connection: no race at its end.
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(Number(port), host, resolve);
  });
  const name = host.includes(':') ? `[${host}]` : host;
  const close = () => new Promise((resolve) => {
    server.close(resolve);
    server.closeAllConnections();
  });
  return { url: `${cert ? 'https' : 'http'}://${name}:${server.address().port}`, close };
}
