import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { canReach, EXECUTE, READ } from '#supervise/reachable.ts';
import { tempFolder } from '../support/temp-folder.ts';

/** Nobody's number on any machine: what counts is that it differs from ours. */
const STRANGER = { name: 'stranger', uid: 64_123, gid: 64_123 };

test('a folder below open folders is reachable, one below a folder of mode 0700 is not', (t) => {
  const top = tempFolder(t);
  const inner = join(top, 'closed', 'inner');
  mkdirSync(inner, { recursive: true });
  assert.equal(canReach(inner, STRANGER, EXECUTE), true);
  chmodSync(join(top, 'closed'), 0o700);
  assert.equal(canReach(inner, STRANGER, EXECUTE), false);
});

test('a symbolic link is judged by where it leads', (t) => {
  const top = tempFolder(t);
  mkdirSync(join(top, 'closed', 'inner'), { recursive: true });
  chmodSync(join(top, 'closed'), 0o700);
  symlinkSync(join(top, 'closed', 'inner'), join(top, 'link'));
  assert.equal(canReach(join(top, 'link'), STRANGER, EXECUTE), false);
});

test('a file needs the permissions that are asked for', (t) => {
  const file = join(tempFolder(t), 'file');
  writeFileSync(file, '');
  chmodSync(file, 0o644);
  assert.equal(canReach(file, STRANGER, READ), true);
  assert.equal(canReach(file, STRANGER, READ | EXECUTE), false);
});

test('owner and group count before others', { skip: process.getuid?.() !== 0 && 'needs root' }, (t) => {
  const folder = join(tempFolder(t), 'own');
  mkdirSync(folder);
  chmodSync(folder, 0o077);
  chownSync(folder, STRANGER.uid, 0);
  assert.equal(canReach(folder, STRANGER, EXECUTE), false);
  chmodSync(folder, 0o710);
  chownSync(folder, 0, STRANGER.gid);
  assert.equal(canReach(folder, STRANGER, EXECUTE), true);
});
