/** Events of a WebSocket: their type, wherever it stands, and what an error among them says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endsResponse, eventType, readSocketError } from '#wire/socket-events.ts';

const TYPES: [text: string, type: string][] = [
  ['{"type":"response.created","response":{}}', 'response.created'],
  [' {\n "type" : "a" }', 'a'],
  ['{"item":{"type":"message"},"type":"response.output_item.done"}', 'response.output_item.done'],
  ['{"a":[{"type":"x"}],"b":"\\"type\\":\\"y\\"","type":"z"}', 'z'],
  ['{"typed":"x"}', ''],
  ['{"type":7}', ''],
  ['{"type":', ''],
  ['{"type"', ''],
  ['{', ''],
  ['', ''],
  ['[{"type":"x"}]', ''],
  ['null', ''],
  ['\u0000\u0001', ''],
];

test('the type of an event is found at the top of it and nowhere else', () => {
  for (const [text, type] of TYPES) assert.equal(eventType(Buffer.from(text)), type, text);
});

test('a response ends with its last event or with an error', () => {
  for (const type of ['response.completed', 'response.incomplete', 'response.failed', 'error'])
    assert.ok(endsResponse(type), type);
  for (const type of ['response.created', 'response.output_text.done', 'keepalive', ''])
    assert.ok(!endsResponse(type), type);
});

test('an error with a status stands for an answer of HTTP', () => {
  const error = { type: 'error', status: 429, error: { code: 'x' }, headers: { 'Retry-After': '7', n: 1, bad: {} } };
  assert.deepEqual(readSocketError(Buffer.from(JSON.stringify(error))), {
    status: 429,
    headers: { 'retry-after': '7', n: '1' },
  });
});

test('an error without a status that HTTP knows for errors is only an event', () => {
  for (const text of ['{"type":"error"}', '{"status":200}', '{"status":"429"}', '{"status":429.5}', '{', 'null', '7'])
    assert.equal(readSocketError(Buffer.from(text)), null, text);
});
