import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { processStartTime } from '#base/process-identity.ts';

test('a live process has one start time for as long as it lives', () => {
  const first = processStartTime(process.pid);
  assert.ok(first);
  assert.equal(processStartTime(process.pid), first);
});

test('two processes have different identities, and one that ended has none', async () => {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)']);
  await once(child, 'spawn');
  const pid = child.pid as number;
  assert.notEqual(processStartTime(pid), null);
  assert.notEqual(processStartTime(pid), processStartTime(process.pid));
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.equal(processStartTime(pid), null);
});

test('what is not a pid is not alive', () => {
  for (const pid of [0, -1, Number.NaN, 1.5, 2 ** 40]) assert.equal(processStartTime(pid), null);
});
