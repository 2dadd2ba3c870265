import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findReadable, readable } from '#wire/json-tail.ts';
import { KeyScan } from '#wire/key-scan.ts';

const DOCUMENT = JSON.stringify({
  a: [{ text: '}{"\\', 'b"}': [[], {}, 'x\\\\"'] }],
  c: { d: '\\\\\\"', usage: { usage: 1 } },
  e: '',
});

/** Of each byte: the brackets around it; -1 within a string. */
function depths(text: string): number[] {
  const found: number[] = [];
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    found.push(inString ? -1 : depth);
    const byte = text[at]!;
    if (inString && byte === '\\') found.push(at++ && -1);
    else if (byte === '"') inString = !inString;
    else if (!inString && '{['.includes(byte)) depth++;
    else if (!inString && '}]'.includes(byte)) depth--;
  }
  return found;
}

test('wherever a tail begins, it can be read from behind its first string at the latest, at the right depth', () => {
  const right = depths(DOCUMENT);
  const bytes = Buffer.from(`${DOCUMENT}\r\n\n`);
  for (let start = 0; start < DOCUMENT.length; start++) {
    findReadable(bytes, start, bytes.length);
    assert.ok(readable.start >= start && readable.end === DOCUMENT.length);
    if (readable.start === readable.end) continue;
    assert.equal(right[readable.start], readable.depth, `from ${start}: ${DOCUMENT.slice(readable.start)}`);
    const next = right.findIndex((depth, at) => at >= start && depth >= 0 && DOCUMENT[at] !== '"');
    if (right[start]! >= 0 && DOCUMENT[start] !== '"') assert.equal(readable.start, next);
  }
});

test('what is no end of a JSON text has nothing to read', () => {
  for (const text of ['', '\n', '{"a":"b', '{"a":1}x', '"a"']) {
    const bytes = Buffer.from(text);
    findReadable(bytes, 0, bytes.length);
    assert.equal(readable.start, readable.end, text);
  }
});

test('keys are found in a tail at their depth in the whole', () => {
  const scan = new KeyScan([{ name: 'usage', isText: false, depthMax: 2 }]);
  const bytes = Buffer.from(DOCUMENT);
  const usage = DOCUMENT.indexOf('"usage"');
  for (let start = 0; start <= usage; start++) {
    scan.scanTail(bytes, start, bytes.length);
    if (start < usage) assert.equal(scan.valueAt[0], usage + '"usage":'.length, `from ${start}`);
  }
  scan.scanTail(bytes, usage + 3, bytes.length);
  assert.equal(scan.valueAt[0], -1, 'the inner one is not taken for it');
});
