import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessagesBlockWriter } from '#wire/convert/messages-block-writer.ts';
import { readEvents } from './read-events.ts';

/** What was written, short: `+0 text`, `0 "abc"`, `-0`. */
function told(text: string): string[] {
  return readEvents(text).map(({ name, data }) => {
    assert.ok(data !== '[DONE]');
    assert.equal(data['type'], name);
    const block = data['content_block'] as { type: string; name?: string } | undefined;
    if (block !== undefined) return `+${data['index']} ${block.name ?? block.type}`;
    const delta = data['delta'] as Record<string, string> | undefined;
    return delta === undefined ? `-${data['index']}` : `${data['index']} ${JSON.stringify(Object.values(delta)[1])}`;
  });
}

test('text goes out as it comes, in one block', () => {
  const blocks = new MessagesBlockWriter('s');
  assert.deepEqual(told(blocks.text('text', 'a')), ['+0 text', '0 "a"']);
  assert.deepEqual(told(blocks.text('text', 'b')), ['0 "b"']);
  assert.equal(blocks.text('text', ''), '');
  assert.deepEqual(told(blocks.finish()), ['-0']);
});

test('thinking is signed when it stops, and what comes next has the next index', () => {
  const blocks = new MessagesBlockWriter('sig');
  blocks.text('thinking', 'hm');
  assert.deepEqual(told(blocks.text('text', 'a')), ['0 "sig"', '-0', '+1 text', '1 "a"']);
});

test('a call is over when its arguments are, and the next one begins', () => {
  const blocks = new MessagesBlockWriter('s');
  assert.deepEqual(told(blocks.beginCall(0, 'a', 'f')), ['+0 f']);
  assert.deepEqual(told(blocks.continueCall(0, '', '{"x"')), ['0 "{\\"x\\""']);
  assert.deepEqual(told(blocks.continueCall(0, '', ':1}')), ['0 ":1}"']);
  assert.deepEqual(told(blocks.beginCall(1, 'b', 'g')), ['-0', '+1 g']);
});

test('parts of calls that come interleaved are put in order', () => {
  const blocks = new MessagesBlockWriter('s');
  blocks.beginCall(0, 'a', 'f');
  assert.equal(blocks.beginCall(1, 'b', 'g'), '');
  assert.equal(blocks.continueCall(1, '', '{"y":'), '');
  assert.deepEqual(told(blocks.continueCall(0, '', '{}')), ['0 "{}"', '-0', '+1 g', '1 "{\\"y\\":"']);
  assert.equal(blocks.text('text', 'after'), '');
  assert.deepEqual(told(blocks.continueCall(1, '', '2}')), ['1 "2}"', '-1', '+2 text', '2 "after"']);
});

test('a call waits for its name, the end does not', () => {
  const blocks = new MessagesBlockWriter('s');
  assert.equal(blocks.beginCall(0, 'a', ''), '');
  assert.equal(blocks.continueCall(0, '', '{'), '');
  assert.deepEqual(told(blocks.continueCall(0, 'f', '}')), ['+0 f', '0 "{}"']);
  assert.deepEqual(told(blocks.beginCall(1, 'b', '')), ['-0']);
  assert.deepEqual(told(blocks.finish()), ['+1 ', '-1']);
});

test('arguments that are repeated behind a whole value are left out', () => {
  const blocks = new MessagesBlockWriter('s');
  blocks.beginCall(0, 'a', 'f');
  blocks.continueCall(0, '', '{"x":1}');
  assert.equal(blocks.continueCall(0, '', '{"x":1}'), '');
  blocks.beginCall(1, 'b', 'g');
  assert.equal(blocks.continueCall(0, '', '{}'), '');
});

test('parts find their call by index; by id and name where indexes are missing or all the same', () => {
  const blocks = new MessagesBlockWriter('s');
  assert.equal(blocks.continues(0, 'a', 'f'), false);
  blocks.beginCall(0, 'a', 'f');
  assert.equal(blocks.continues(0, '', ''), true);
  assert.equal(blocks.continues(0, 'a', 'f'), true);
  assert.equal(blocks.continues(0, 'new in every part', ''), true);
  assert.equal(blocks.continues(0, '', 'f'), true);
  assert.equal(blocks.continues(0, 'b', 'f'), false);
  assert.equal(blocks.continues(1, '', ''), false);
  assert.equal(blocks.continues(null, '', ''), true);
  assert.equal(blocks.continues(null, '', 'g'), false);
});

test('more calls or more waiting text than any model writes ends in an overrun, not in memory', () => {
  const calls = new MessagesBlockWriter('s');
  for (let i = 0; i < 513; i++) calls.beginCall(i, `id${i}`, 'f');
  assert.equal(calls.overrun, true);
  assert.equal(calls.callCount, 512);
  const waiting = new MessagesBlockWriter('s');
  waiting.beginCall(0, 'a', 'f');
  const mebibyte = 'x'.repeat(1_048_576);
  for (let i = 0; i < 8; i++) waiting.text('text', mebibyte);
  assert.equal(waiting.overrun, false);
  waiting.text('text', 'x');
  assert.equal(waiting.overrun, true);
});
