import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KeptText } from '#wire/convert/kept-text.ts';

test('text is whole however many pieces it came in, and whenever it is read', () => {
  const kept = new KeptText();
  let whole = '';
  for (let i = 0; i < 1_000; i++) {
    const piece = i % 7 === 0 ? '' : `${i}é`;
    kept.add(piece);
    whole += piece;
    if (i % 97 === 0) assert.equal(kept.text, whole);
    assert.equal(kept.length, whole.length);
  }
  assert.equal(kept.text, whole);
  kept.clear();
  kept.add('a');
  assert.deepEqual([kept.text, kept.length], ['a', 1]);
});
