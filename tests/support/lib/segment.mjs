// Segment's rules for POST /v1/batch: who may send, how large, and what a message must have.
import * as zlib from 'node:zlib';
import { HttpError } from './http.mjs';

export const LIMITS = { event_bytes: 32 * 1024, batch_bytes: 500 * 1024, batch_events: 2500 };
const TYPES = new Set(['track', 'identify', 'page', 'screen', 'group', 'alias']);

/** The write key: the user of Basic authentication, with an empty password. */
export function writeKey(headers, known) {
  const [scheme, value = ''] = (headers.authorization ?? '').split(' ');
  const key = scheme.toLowerCase() === 'basic' ? Buffer.from(value, 'base64').toString('utf8').split(':')[0] : '';
  if (!key || (known.length && !known.includes(key))) throw new HttpError(401, 'invalid write key');
  return key;
}

/** The messages of a batch, or the 400 that Segment would answer. */
export function parseBatch(raw, headers) {
  const bytes = headers['content-encoding'] === 'gzip' ? unzip(raw) : raw;
  if (bytes.length > LIMITS.batch_bytes) throw new HttpError(400, `the batch has ${bytes.length} bytes, more than ${LIMITS.batch_bytes}`);
  let body;
  try {
    body = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new HttpError(400, 'malformed JSON');
  }
  if (!Array.isArray(body?.batch) || body.batch.length === 0) throw new HttpError(400, 'batch is missing or empty');
  if (body.batch.length > LIMITS.batch_events) throw new HttpError(400, `more than ${LIMITS.batch_events} events`);
  for (const message of body.batch) checkMessage(message);
  return body.batch;
}

function unzip(raw) {
  try {
    return zlib.gunzipSync(raw);
  } catch {
    throw new HttpError(400, 'malformed gzip');
  }
}

function checkMessage(message) {
  const bad = (text) => new HttpError(400, text, { messageId: message?.messageId });
  if (!TYPES.has(message?.type)) throw bad('type is missing or unknown');
  if (!message.userId && !message.anonymousId) throw bad('userId or anonymousId is needed');
  if (message.type === 'track' && !message.event) throw bad('a track needs an event');
  if (message.timestamp !== undefined && Number.isNaN(Date.parse(message.timestamp))) throw bad('timestamp is not a time');
  const size = Buffer.byteLength(JSON.stringify(message));
  if (size > LIMITS.event_bytes) throw bad(`an event has ${size} bytes, more than ${LIMITS.event_bytes}`);
}

/** What a fault may match on. */
export const factsOf = (key, messages) => ({
  write_key: key,
  message_id: messages.map((message) => message.messageId),
  event: messages.map((message) => message.event ?? message.type),
  flow_id: messages.map((message) => message.properties?.flow_id).filter(Boolean),
});
