import assert from 'node:assert/strict';
import { test } from 'node:test';
import { copyBytes, copyTexts, giveBody, givenBytes } from '#tokenizer/count-job.ts';

const BODY = '{"a":"one","b":"two","tools":[{}]}';
const TEXTS = [new Int32Array([6, 9]), new Int32Array([16, 19])];
const TOOLS = [new Int32Array([29, 33])];

function body(): Uint8Array {
  return new Uint8Array(Buffer.from(BODY));
}

function textsOf({ buffer, ranges }: { buffer: ArrayBuffer; ranges: Int32Array }): string[] {
  const texts: string[] = [];
  for (let cell = 0; cell < ranges.length; cell += 2)
    texts.push(
      Buffer.from(buffer)
        .subarray(ranges[cell], ranges[cell + 1])
        .toString(),
    );
  return texts;
}

test('a copy holds the texts alone, in order, and leaves the body as it was', () => {
  const bytes = body();
  const copy = copyTexts(bytes, TEXTS, TOOLS);
  assert.equal(Buffer.from(copy.buffer).toString(), 'onetwo[{}]');
  assert.deepEqual(textsOf(copy), ['one', 'two', '[{}]']);
  assert.equal(copy.escapedCells, 4);
  assert.equal(copyBytes(TEXTS, TOOLS), copy.buffer.byteLength + copy.ranges.byteLength);
  assert.equal(Buffer.from(bytes).toString(), BODY);
  assert.deepEqual([...TEXTS[1]!], [16, 19]);
});

test('a copy of a part of a larger buffer is of that part', () => {
  const large = new Uint8Array(Buffer.from(`xxxxx${BODY}yy`));
  assert.deepEqual(textsOf(copyTexts(large.subarray(5, 5 + BODY.length), TEXTS, TOOLS)), ['one', 'two', '[{}]']);
});

test('a body that is given away is not copied', () => {
  const bytes = body();
  const given = giveBody(bytes, TEXTS, TOOLS);
  assert.equal(given.buffer, bytes.buffer);
  assert.deepEqual(textsOf(given), ['one', 'two', '[{}]']);
  assert.equal(givenBytes(bytes, TEXTS, TOOLS), bytes.length + given.ranges.byteLength);
});

test('memory that others use too is never given away', () => {
  assert.throws(() => giveBody(body().subarray(1), TEXTS, TOOLS), /others use too/);
});
