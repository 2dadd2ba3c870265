import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { PRIVATE_MODE, readTextFile, writeFileAtomic } from '#base/atomic-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'penstock-atomic-'));
after(() => rmSync(folder, { recursive: true }));

test('a file is replaced as a whole, private to its owner, and leaves nothing beside it', () => {
  const path = join(folder, 'secrets.json');
  writeFileSync(path, 'old', { mode: 0o644 });
  writeFileAtomic(path, 'new', PRIVATE_MODE);
  assert.equal(readTextFile(path), 'new');
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder), ['secrets.json']);
});

test('a file that is not there reads as null, other faults throw', () => {
  assert.equal(readTextFile(join(folder, 'none')), null);
  assert.throws(() => readTextFile(folder), /EISDIR/);
});
