import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mayBeTerminal, terminalStart } from '#wire/anthropic-terminal.ts';

function may(text: string): boolean {
  const bytes = Buffer.from(`xx${text}`);
  return mayBeTerminal(bytes, 2, bytes.length);
}

const STOP = 'event: message_stop\ndata: {"type":"message_stop"}\n\n';
const DELTA = 'event: content_block_delta\ndata: {"type":"content_block_delta","x":"event: message_stop"}\n\n';

test('every beginning of the last frame may be the end, whatever its line ends and spaces', () => {
  for (const frame of [STOP, STOP.replaceAll('\n', '\r\n'), STOP.replaceAll('\n', '\r'), STOP.replace(': ', ':')]) {
    for (let cut = 0; cut <= frame.length; cut++)
      assert.ok(may(frame.slice(0, cut)), JSON.stringify(frame.slice(0, cut)));
  }
});

test('a frame that begins by naming another event is not the end, from the first byte that tells', () => {
  assert.equal(may('event: m'), true);
  assert.equal(may('event: message_d'), false);
  assert.equal(may('event: c'), false);
  assert.equal(may('event: message_stopped'), false);
  assert.equal(may(DELTA), false);
});

test('what does not begin with an event may be the end', () => {
  for (const text of [
    '',
    'data: {"type":"message_stop"}',
    ': comment',
    'id: 1\nevent: message_stop',
    '\ufeffevent: x',
  ]) {
    assert.equal(may(text), true, text);
  }
});

test('the last frame is found behind whole frames, and what comes behind it belongs to it', () => {
  const before = DELTA.repeat(3);
  for (const end of [STOP, `${STOP}: tail\n\n`, STOP.slice(0, -1)]) {
    assert.equal(terminalStart(Buffer.from(before + end)), before.length);
  }
  assert.equal(terminalStart(Buffer.from(STOP)), 0);
});

test('where the bytes do not begin with a frame or have odd line ends, the start is early, never late', () => {
  const crlf = (DELTA.repeat(2) + STOP).replaceAll('\n', '\r\n');
  const exact = crlf.indexOf('event: message_stop\r\n');
  const found = terminalStart(Buffer.from(crlf));
  assert.ok(found <= exact && found > 0, `${found} of ${exact}`);
  const rest = 'rest of a frame"}\n\n';
  assert.equal(terminalStart(Buffer.from(rest + STOP)), 0);
  assert.equal(terminalStart(Buffer.from(rest + STOP), true), rest.length);
});
