// The receiver: limits, waiting, faults, the file.
import assert from 'node:assert/strict';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import * as zlib from 'node:zlib';
import { start } from './lib/testing.mjs';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'receiver-'));
const file = path.join(folder, 'messages.jsonl');
let receiver;
before(async () => { receiver = await start('receiver.mjs', '--file', file, '--write-keys', 'key-a,key-b'); });
after(async () => {
  assert.equal(await receiver.stop(), 0);
  fs.rmSync(folder, { recursive: true });
});
beforeEach(async () => {
  await receiver.admin('DELETE', '/faults');
  await receiver.admin('POST', '/reset');
  await receiver.admin('POST', '/forget');
});

const basic = (key) => ({ authorization: `Basic ${Buffer.from(`${key}:`).toString('base64')}` });
const track = (messageId, event = 'CLI Auth Started', properties = {}) => ({ type: 'track', messageId, anonymousId: 'a', event, properties });
const post = (body, headers = basic('key-a'), to = receiver) =>
  fetch(`${to.ready}/v1/batch`, { method: 'POST', headers, body: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body) });
const batch = (...messages) => post({ batch: messages, sentAt: new Date().toISOString() });
const lines = () => fs.readFileSync(file, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));

test('ABatchIsInTheFileWhenTheSenderHears200', async () => {
  const answer = await batch(track('1'), track('2'));
  assert.deepEqual([answer.status, await answer.json()], [200, { success: true }]);
  assert.deepEqual(lines().map(({ order, batch: n, message }) => [order, n, message.messageId]), [[1, 1, '1'], [2, 1, '2']]);
});

test('AWriteKeyIsNeeded', async () => {
  for (const headers of [{}, basic(''), basic('unknown'), { authorization: 'Bearer key-a' }]) {
    assert.equal((await post({ batch: [track('1')] }, headers)).status, 401);
  }
});

test('GzipIsUnderstood', async () => {
  const body = zlib.gzipSync(JSON.stringify({ batch: [track('1')] }));
  assert.equal((await post(body, { ...basic('key-a'), 'content-encoding': 'gzip' })).status, 200);
});

for (const [name, body] of [
  ['NoJson', '{"batch":'],
  ['AnEmptyBatch', { batch: [] }],
  ['NoType', { batch: [{ messageId: '1', userId: 'u' }] }],
  ['NoOne', { batch: [{ type: 'identify', messageId: '1' }] }],
  ['ATrackWithoutEvent', { batch: [track('1', '')] }],
  ['AnEventOver32KiB', { batch: [track('1', 'x', { long: 'x'.repeat(32 * 1024) })] }],
  ['ABatchOver500KiB', { batch: Array.from({ length: 20 }, (_, i) => track(String(i), 'x', { long: 'x'.repeat(26 * 1024) })) }],
]) {
  test(`IsRefusedWhole ${name}`, async () => {
    assert.equal((await post(body)).status, 400);
    assert.deepEqual(await receiver.admin('GET', '/messages'), []);
  });
}

test('AWaitEndsWhenTheMessageComes', async () => {
  const waiting = receiver.admin('GET', '/wait?event=CLI%20Auth%20Completed&flow_id=f2');
  await batch(track('1', 'CLI Auth Completed', { flow_id: 'f1' }), track('2', 'CLI Auth Started', { flow_id: 'f2' }));
  await batch(track('3', 'CLI Auth Completed', { flow_id: 'f2' }));
  const { count, messages } = await waiting;
  assert.deepEqual([count, messages[0].message.messageId], [1, '3']);
});

test('AWaitThatIsNotSatisfiedIs408AndSaysWhatThereWas', async () => {
  await batch(track('1'));
  await assert.rejects(receiver.admin('GET', '/wait?count=2&timeout_ms=20'), (error) => error.status === 408 && error.answer.count === 1);
});

test('DuplicatesAreKeptAndMarkedPerWriteKey', async () => {
  await batch(track('1'));
  await batch(track('1'));
  await post({ batch: [track('1')] }, basic('key-b'));
  assert.deepEqual(lines().map(({ duplicate }) => duplicate), [false, true, false]);
  assert.equal((await receiver.admin('GET', '/messages?unique=true')).length, 2);
  assert.equal((await receiver.admin('GET', '/counts')).duplicates, 1);
});

test('AFaultCanMatchOneMessage', async () => {
  await receiver.admin('POST', '/faults', { status: 400, match: { message_id: 'poison' } });
  assert.equal((await batch(track('1'), track('poison'))).status, 400);
  assert.equal((await batch(track('1'))).status, 200);
  await receiver.admin('POST', '/faults', { status: 413, match: { event: 'identify' } });
  assert.equal((await batch({ type: 'identify', userId: 'u', messageId: '2', traits: {} })).status, 413);
});

test('AFaultCanMatchOneWriteKey', async () => {
  await receiver.admin('POST', '/faults?status=403&match.write_key=key-a');
  assert.equal((await batch(track('1'))).status, 403);
  assert.equal((await post({ batch: [track('1')] }, basic('key-b'))).status, 200);
});

test('ALostAnswerHasKeptTheBatch', async () => {
  await receiver.admin('POST', '/faults', { after: true, reset: true, times: 1 });
  await assert.rejects(batch(track('1')));
  assert.equal(lines().length, 1);
  assert.equal((await batch(track('1'))).status, 200);
  assert.deepEqual(await receiver.admin('GET', '/counts'), { batch: { arrived: 2, answered: 1 }, messages: 2, duplicates: 1 });
});

test('AHangingBatchIsReleased', async () => {
  await receiver.admin('POST', '/faults?hang=true&times=1');
  const answer = batch(track('1'));
  await receiver.admin('GET', '/wait?endpoint=batch');
  assert.deepEqual(lines(), []);
  await receiver.admin('POST', '/release');
  assert.equal((await answer).status, 200);
});

test('ARestartedReceiverGoesOnWithItsFile', async () => {
  await batch(track('1'));
  const other = await start('receiver.mjs', '--file', file);
  await post({ batch: [track('1')] }, basic('key-a'), other);
  const [, second] = await other.admin('GET', '/messages');
  assert.deepEqual([second.order, second.batch, second.duplicate], [2, 2, true]);
  await other.stop();
});
