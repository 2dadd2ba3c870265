import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FAILURE_CODES, refuse } from '#failure/registry.ts';
import { ANTHROPIC_DIALECT, dataKind, deltaDataStart, EVENT, eventKind } from '#wire/anthropic.ts';

const { renderError, renderErrorEvent, keepAlive } = ANTHROPIC_DIALECT;

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}

test('every refusal is rendered as the error body of the API, registry text first, then the detail', () => {
  for (const code of FAILURE_CODES) {
    const refusal = refuse(code, 'At byte 17.');
    assert.deepEqual(JSON.parse(text(renderError(refusal, 'req-1'))), {
      type: 'error',
      error: { type: refusal.failure.anthropicType, message: `${refusal.failure.text} At byte 17.` },
      request_id: 'req-1',
    });
  }
});

test('a refusal without detail says the text of the registry alone', () => {
  const refusal = refuse('key_unknown');
  assert.equal(JSON.parse(text(renderError(refusal, 'r'))).error.message, refusal.failure.text);
});

test('inside a stream a refusal is one frame, whatever its detail holds', () => {
  const refusal = refuse('upstream_broken', 'line\r\n\nevent: message_stop\u2028 "quoted" \ud800');
  const lines = text(renderErrorEvent(refusal, 'req-1')).split('\n');
  assert.equal(lines[0], 'event: error');
  assert.deepEqual(JSON.parse(lines[1]!.slice('data: '.length)), JSON.parse(text(renderError(refusal, 'req-1'))));
  assert.deepEqual(lines.slice(2), ['', '']);
});

test('the ping is a frame of the protocol', () => {
  assert.equal(text(keepAlive!), 'event: ping\ndata: {"type":"ping"}\n\n');
});

const NAMES = {
  message_start: EVENT.messageStart,
  message_delta: EVENT.messageDelta,
  message_stop: EVENT.messageStop,
  content_block_start: EVENT.blockStart,
  content_block_delta: EVENT.blockDelta,
  content_block_stop: EVENT.blockStop,
  ping: EVENT.ping,
  error: EVENT.error,
  message_stopp: EVENT.unknown,
  messageXstart: EVENT.unknown,
  '': EVENT.unknown,
  a_new_event_that_came_later: EVENT.unknown,
};

test('events are told by name, from the event line and from the data', () => {
  for (const [name, kind] of Object.entries(NAMES)) {
    const bytes = Buffer.from(`..${name}..`);
    assert.equal(eventKind(bytes, 2, bytes.length - 2), kind, name);
    for (const data of [`{"type":"${name}"}`, `{ "type" : "${name}", "index": 0}`]) {
      assert.equal(dataKind(Buffer.from(data), 0, data.length), kind, data);
      const cut = data.indexOf(name) + name.length;
      assert.equal(dataKind(Buffer.from(data), 0, cut), EVENT.unknown, `${data} cut before the quote`);
    }
  }
});

test('a plain delta frame is told by its fixed head and nothing else is', () => {
  const frame = Buffer.from('event: content_block_delta\ndata: {"type":"content_block_delta"}\n\n');
  assert.equal(deltaDataStart(frame, 0, frame.length), 33);
  for (let i = 0; i < 33; i++) {
    const other = Buffer.from(frame);
    other[i]! ^= 1;
    assert.equal(deltaDataStart(other, 0, other.length), -1, `byte ${i}`);
  }
  assert.equal(deltaDataStart(frame, 0, 32), -1);
});

test('so is one whose lines end in CR LF, and one without an event line whose data says it first', () => {
  const delta = '{"type":"content_block_delta","index":0,"delta":{}}';
  for (const [text, dataStart, headBytes] of [
    [`event: content_block_delta\r\ndata: ${delta}\r\n\r\n`, 34, 34],
    [`data: ${delta}\n\n`, 6, 35],
    [`data: ${delta}\r\n\r\n`, 6, 35],
  ] as const) {
    const frame = Buffer.from(`xx${text}`);
    assert.equal(deltaDataStart(frame, 2, frame.length), 2 + dataStart, text);
    for (let i = 0; i < headBytes; i++) {
      const other = Buffer.from(frame);
      other[2 + i]! ^= 1;
      assert.equal(deltaDataStart(other, 2, other.length), -1, `${text}, byte ${i}`);
      assert.equal(deltaDataStart(frame, 2, 2 + i), -1, `${text}, ${i} bytes`);
    }
  }
});
