import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { takeOwnerLock } from '#base/owner-lock.ts';
import { tempFolder } from '../support/temp-folder.ts';

test('a lock of a living process is refused with its pid, and free again after its release', (t) => {
  const path = join(tempFolder(t), 'some.owner');
  const lock = takeOwnerLock(path);
  assert.ok('release' in lock);
  assert.deepEqual(takeOwnerLock(path), { pid: process.pid });
  lock.release();
  lock.release();
  assert.equal(existsSync(path), false);
  assert.ok('release' in takeOwnerLock(path));
});

test('what this very process holds can count as left behind; the older lock then releases nothing', (t) => {
  const folder = tempFolder(t);
  const path = join(folder, 'some.owner');
  const older = takeOwnerLock(path);
  const newer = takeOwnerLock(path, { ownIsFree: true });
  assert.ok('release' in older && 'release' in newer);
  older.release();
  assert.deepEqual(readdirSync(folder), ['some.owner']);
  newer.release();
  assert.deepEqual(readdirSync(folder), []);
});

test('a lock of a process that is gone, or one that nobody can have written, is taken over', (t) => {
  const folder = tempFolder(t);
  const path = join(folder, 'some.owner');
  for (const content of ['{"pid":4194304,"startTime":"never","nonce":"x"}\n', '', 'noise', '{"pid":"1"}']) {
    writeFileSync(path, content);
    const lock = takeOwnerLock(path);
    assert.ok('release' in lock, content);
    assert.deepEqual(readdirSync(folder), ['some.owner']);
    lock.release();
  }
});
