/** The tables of README.md name tests that exist, and every reference leads somewhere. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const ROOT = resolve(import.meta.dirname, '../..');
const rows = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
const REF = /^[a-z]\d$/;
const listed = rows.filter(([ref = '']) => REF.test(ref)) as [ref: string, file: string, title: string][];

test('every test that the tables name exists under that title', () => {
  assert.ok(listed.length > 50);
  for (const [ref, file, title] of listed) {
    const path = join(ROOT, file);
    assert.ok(existsSync(path), `${ref}: ${file}`);
    const source = readFileSync(path, 'utf8').replaceAll("\\'", "'");
    const at = source.indexOf(title);
    assert.ok(at > 0, `${ref}: no test "${title}" in ${file}`);
    const start = source.lastIndexOf('test(', at);
    assert.ok(start >= 0 && at - start < 120, `${ref}: "${title}" is no title in ${file}`);
  }
});

test('every reference of a cell is listed once, and every listed one is used', () => {
  const refs = listed.map(([ref]) => ref);
  assert.equal(new Set(refs).size, refs.length);
  const used = rows
    .filter(([ref = '']) => !REF.test(ref))
    .flatMap((cells) => cells.flatMap((cell) => cell.split(', ')))
    .filter((cell) => REF.test(cell));
  assert.deepEqual([...new Set(used)].sort(), refs.sort());
});

test('no cell is left open', () => {
  for (const cells of rows) for (const cell of cells) assert.notEqual(cell, '–', cells.join(' | '));
});
