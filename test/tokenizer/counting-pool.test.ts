/** Real worker threads that die, hang and throw: every job is answered once, in time, and the next one is counted. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { getPriority } from 'node:os';
import { afterEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { nowMs } from '#base/clock.ts';
import { jobTransfers } from '#tokenizer/count-job.ts';
import type { Encoding } from '#tokenizer/count-method.ts';
import { jobOf, MIB, RecordingPool, SCRIPTED } from '../support/counting.ts';
import { waitFor, within } from '../support/wait-for.ts';

let pools: RecordingPool[] = [];

afterEach(async () => {
  await Promise.all(pools.map(({ pool }) => pool.close()));
  pools = [];
});

function open(...args: ConstructorParameters<typeof RecordingPool>): RecordingPool {
  const pool = new RecordingPool(...args);
  pools.push(pool);
  return pool;
}

const scripted = (limits = {}): RecordingPool => open(limits, SCRIPTED);

/** The examples of OpenAI's cookbook, "How to count tokens with tiktoken". */
const COOKBOOK: [string, Record<Encoding, number>][] = [
  ['antidisestablishmentarianism', { r50k_base: 5, p50k_base: 5, cl100k_base: 6, o200k_base: 6 }],
  ['2 + 2 = 4', { r50k_base: 5, p50k_base: 5, cl100k_base: 7, o200k_base: 7 }],
  ['お誕生日おめでとう', { r50k_base: 14, p50k_base: 14, cl100k_base: 9, o200k_base: 8 }],
];

test('each encoding counts what OpenAI says that it does', async () => {
  const pool = open({ threads: 2, queueJobs: 20 });
  for (const [text, expected] of COOKBOOK) {
    const encodings = Object.keys(expected) as Encoding[];
    const keys = encodings.map((encoding) => pool.ask(text, { encoding }));
    const counts = await Promise.all(keys.map((key) => pool.answer(key)));
    assert.deepEqual(Object.fromEntries(encodings.map((encoding, at) => [encoding, counts[at]])), expected, text);
  }
});

test('a worker that dies in the middle of a job fails that job alone; the next one gets a new worker', async () => {
  const pool = scripted();
  const [before, dying, after] = ['abc', 'die', 'abcd'].map((text) => pool.ask(text));
  assert.deepEqual(
    [await pool.answer(before!), await pool.answer(dying!), await pool.answer(after!)],
    [3, 'failed', 4],
  );
});

test('workers that die one after the other take none of what waits with them', async () => {
  const pool = scripted({ threads: 2, queueJobs: 40 });
  const keys = Array.from({ length: 30 }, (_, at) => pool.ask(at % 3 === 0 ? 'die' : 'ok'));
  const counts = await Promise.all(keys.map((key) => pool.answer(key)));
  assert.deepEqual(
    counts,
    keys.map((_, at) => (at % 3 === 0 ? 'failed' : 2)),
  );
});

test('a job that throws fails, and its worker goes on', async () => {
  const pool = scripted();
  const [thrown, after] = [pool.ask('throw'), pool.ask('abc')];
  assert.deepEqual([await pool.answer(thrown), await pool.answer(after)], ['failed', 3]);
});

test('a worker without enough memory for its vocabulary fails the job, not the process', async () => {
  const pool = open({ heapBytes: 16 * MIB });
  assert.equal(await pool.answer(pool.ask('Hello')), 'failed');
});

test('a full queue answers busy at once: by jobs, and by bytes', () => {
  const pool = scripted({ queueJobs: 2, queueBytes: 1000 });
  const keys = ['nap 300', 'one', 'two', 'three'].map((text) => pool.ask(text));
  assert.deepEqual(
    keys.map((key) => pool.answers.get(key)),
    [undefined, undefined, undefined, 'busy'],
  );
  const wide = scripted({ queueJobs: 100, queueBytes: 1000 });
  const [fits, over] = [wide.ask('x'.repeat(900)), wide.ask('x'.repeat(900))];
  assert.deepEqual([wide.answers.get(fits), wide.answers.get(over)], [undefined, 'busy']);
});

test('the room of a job that has been answered is free again', async () => {
  const pool = scripted({ queueBytes: 1000 });
  for (let at = 0; at < 5; at++) assert.equal(await pool.answer(pool.ask('x'.repeat(900))), 900);
});

test('with no threads everything is busy', () => {
  const pool = scripted({ threads: 0 });
  assert.equal(pool.answers.get(pool.ask('abc')), 'busy');
});

test('what waits beyond its time is late, and is not counted', async () => {
  const pool = scripted();
  const first = pool.ask('nap 200');
  const overdue = pool.ask('die', { untilMs: nowMs() + 50 });
  assert.equal(await pool.answer(first), 200);
  assert.equal(await pool.answer(overdue), 'late');
});

test('the worker itself ends a count whose time is over, and keeps its vocabulary', async () => {
  const pool = open({ queueBytes: 16 * MIB }, { graceMs: 15_000 });
  await pool.answer(pool.ask('Hello'));
  const untilMs = nowMs() + 60;
  assert.equal(await pool.answer(pool.ask('random words, many of them. '.repeat(200_000), { untilMs })), 'late');
  assert.ok(nowMs() - untilMs < 10_000, 'before the pool would have ended the worker');
  assert.equal(await pool.answer(pool.ask('Hello')), 1);
});

test('a worker that hangs is ended some time after the deadline, and the next job is counted', async () => {
  const pool = scripted();
  const hanging = pool.ask('spin', { untilMs: nowMs() + 50 });
  const next = pool.ask('abc');
  assert.deepEqual([await pool.answer(hanging), await pool.answer(next)], ['late', 3]);
});

test('a front that is gone gets no answer, and its place in the queue is free', async () => {
  const pool = scripted({ queueJobs: 2 });
  const running = pool.ask('nap 200', { front: 1 });
  const waiting = pool.ask('abc', { front: 1 });
  const other = pool.ask('abcd', { front: 2 });
  pool.pool.forget(1);
  const later = pool.ask('abcde', { front: 2 });
  assert.deepEqual([await pool.answer(other), await pool.answer(later)], [4, 5]);
  assert.deepEqual([pool.answers.has(running), pool.answers.has(waiting)], [false, false]);
});

test('closing answers everything that is out with failed', async () => {
  const pool = scripted();
  const keys = ['nap 10000', 'abc'].map((text) => pool.ask(text));
  await waitFor('the first to run', () => pool.pool.running === 1);
  await within('the close', 20_000, pool.pool.close());
  assert.deepEqual(await Promise.all(keys.map((key) => pool.answer(key))), ['failed', 'failed']);
  assert.equal(pool.answers.get(pool.ask('abc')), 'busy');
});

test('counting goes behind relaying: a worker is nicer than its process', async () => {
  const pool = scripted();
  const own = getPriority();
  assert.equal(await pool.answer(pool.ask('priority')), Math.min(19, own + 10));
  assert.equal(getPriority(), own);
});

test('a job is transferred: what it held is empty afterwards', () => {
  const job = jobOf('abc');
  const copy = structuredClone(job, { transfer: jobTransfers(job) });
  assert.deepEqual([job.buffer.byteLength, job.ranges.length, copy.buffer.byteLength], [0, 0, 3]);
});

test('a process that has counted and closed its pool ends by itself', async () => {
  const file = fileURLToPath(new URL('../support/count-once.ts', import.meta.url));
  const args = ['--disable-warning=ExperimentalWarning', file];
  const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 60_000 });
  assert.equal(stdout, '4');
});
