import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pack } from '#base/msgpack.ts';
import { PackWriter } from '#base/pack-writer.ts';

/** An array of 16 values or more has the length of 16 bits that the writer always uses. */
const LENGTH = 20;

function packed(write: (writer: PackWriter) => void): Buffer {
  const writer = new PackWriter(2 ** 14);
  writer.startArray(LENGTH);
  for (let i = 0; i < LENGTH; i++) write(writer);
  return Buffer.from(writer.written);
}

function expected(value: unknown): Buffer {
  return Buffer.from(pack(new Array(LENGTH).fill(value)));
}

test('numbers become the bytes that pack makes, on both sides of every border', () => {
  const borders = [0x80, 0x100, 0x1_0000, 2 ** 31, 2 ** 32, 2 ** 48];
  const values = [-32, -1, 0, 1, ...borders.flatMap((border) => [border - 1, border, border + 1]), 2 ** 53 - 1];
  for (const value of values) {
    assert.deepEqual(
      packed((writer) => writer.int(value)),
      expected(value),
      `${value}`,
    );
  }
  for (const value of [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n)]) {
    assert.deepEqual(
      packed((writer) => writer.bigint(value)),
      expected(value),
      `${value}`,
    );
  }
  for (const value of [true, false]) {
    assert.deepEqual(
      packed((writer) => writer.boolean(value)),
      expected(value),
    );
  }
});

test('texts become the bytes that pack makes, in ASCII and beyond', () => {
  for (const length of [0, 1, 31, 32, 33, 63, 64, 128, 255]) {
    const text = 'm'.repeat(length);
    assert.deepEqual(
      packed((writer) => assert.ok(writer.asciiText(text, 255))),
      expected(text),
      `${length}`,
    );
  }
  for (const text of ['é', 'é'.repeat(15), 'é'.repeat(16), 'é'.repeat(100), '🙂'.repeat(31), 'modèle']) {
    assert.deepEqual(
      packed((writer) => writer.text(text)),
      expected(text),
      text,
    );
  }
});

test('a text that is longer or no printable ASCII leaves nothing behind', () => {
  const writer = new PackWriter(64);
  writer.startArray(1);
  for (const text of ['12345', 'é', 'a\0', 'a\n', '\x7f']) assert.equal(writer.asciiText(text, 4), false);
  assert.equal(writer.written.length, 3);
});

test('what does not fit is an error', () => {
  const writer = new PackWriter(8);
  writer.startArray(1);
  assert.ok(writer.asciiText('123456789', 20));
  assert.throws(() => writer.written);
});
