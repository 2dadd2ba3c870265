import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { DEFAULT_FILE } from '#config/load.ts';
import { renderDefaultFile, renderReference } from '#config/reference.ts';
import { fileSchema } from '#config/schema.ts';
import { leavesOf } from '#config/walk-schema.ts';

const HOW = 'out of date: node_modules/.bin/node src/config/write-reference.ts';

test('the reference page is what the schema says', () => {
  assert.equal(readFileSync(join(dirname(DEFAULT_FILE), 'REFERENCE.md'), 'utf8'), renderReference(), HOW);
});

test('the shipped default file is what the schema says', () => {
  assert.equal(readFileSync(DEFAULT_FILE, 'utf8'), renderDefaultFile(), HOW);
});

test('every key has a text, a stated expectation and a default', () => {
  for (const leaf of leavesOf(fileSchema)) {
    assert.notEqual(leaf.text, '', leaf.path.join('.'));
    assert.doesNotMatch(leaf.expected, /undefined|Infinity/, leaf.path.join('.'));
    assert.ok(leaf.hasDefault, leaf.path.join('.'));
  }
});
