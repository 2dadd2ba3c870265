/** What the soak holds still while it watches memory: young generations of every thread, of what is started meanwhile and of nothing else. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { withNodeOptions } from '../../native-bench/rig/node-options.ts';
import { SMALL_YOUNG_GENERATION } from '../../native-bench/soak/young-generation.ts';

const MIB = 1024 * 1024;
const BOUND_MS = 120_000;

/** Keeps 100,000 objects alive at a time, on the main thread and then on a worker; prints each one's young generation in bytes. */
const CHURN = `
const { getHeapSpaceStatistics } = require('node:v8');
const { isMainThread, Worker, parentPort } = require('node:worker_threads');
let kept = [];
for (let i = 0; i < 2e6; i++) {
  if (kept.length === 1e5) kept = [];
  kept.push({ i });
}
const bytes = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').space_size;
if (isMainThread) new Worker(process.env.CHURN, { eval: true }).on('message', (its) => console.log(JSON.stringify([bytes, its])));
else parentPort.postMessage(bytes);
`;

async function youngGenerations(): Promise<number[]> {
  const env = { ...process.env, CHURN };
  const { stdout } = await promisify(execFile)(process.execPath, ['--eval', CHURN], { env, timeout: BOUND_MS });
  return JSON.parse(stdout);
}

test('young generations grow by themselves, and stay at 2 MiB a thread in what is started for a soak', async () => {
  for (const bytes of await youngGenerations()) assert.ok(bytes >= 16 * MIB, `${bytes}: then nothing need be held`);
  const held = await withNodeOptions(SMALL_YOUNG_GENERATION, youngGenerations);
  assert.equal(held.length, 2);
  for (const bytes of held) assert.ok(bytes <= 2 * MIB, `${bytes}`);
});

test('options come behind those that are there, which are there again afterwards, also when nothing started', async (t) => {
  const before = process.env['NODE_OPTIONS'];
  t.after(() => {
    if (before === undefined) delete process.env['NODE_OPTIONS'];
    else process.env['NODE_OPTIONS'] = before;
  });
  const seen = async () => process.env['NODE_OPTIONS'];
  process.env['NODE_OPTIONS'] = '--no-deprecation';
  assert.equal(await withNodeOptions('--a', () => withNodeOptions('--b', seen)), '--no-deprecation --a --b');
  assert.equal(process.env['NODE_OPTIONS'], '--no-deprecation');
  delete process.env['NODE_OPTIONS'];
  assert.equal(await withNodeOptions('--a', seen), '--a');
  await assert.rejects(
    withNodeOptions('--a', () => Promise.reject(new Error('no start'))),
    /no start/,
  );
  assert.equal(process.env['NODE_OPTIONS'], undefined);
});
