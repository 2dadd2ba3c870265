/** How evenly counts are spread, percentiles, and which threads are fronts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maxOverMean, percentile } from '../../native-bench/report/spread.ts';
import { frontTime, processMicroseconds, threadClocks } from '../../native-bench/rig/thread-clock.ts';

test('an even spread is 1, all on one of four is 4', () => {
  assert.equal(maxOverMean([5, 5, 5]), 1);
  assert.equal(maxOverMean([0, 8, 0, 0]), 4);
  assert.equal(maxOverMean([3]), 1);
  assert.ok(Number.isNaN(maxOverMean([0, 0])));
});

test('a percentile is a value of the sample, whatever its order', () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index);
  assert.equal(percentile(values, 0.5), 51);
  assert.equal(percentile(values, 0.99), 100);
  assert.equal(percentile(values, 0), 1);
  assert.equal(percentile([7], 1), 7);
  assert.ok(Number.isNaN(percentile([], 0.5)));
});

test('the fronts are the threads of Node that were started before the last one, the usage-writer', () => {
  const thread = (id: number, name: string, microseconds: number) => ({
    ...{ id, name, turns: id },
    nanoseconds: microseconds * 1000,
  });
  const clocks = [
    thread(1, 'node', 1),
    thread(2, 'node', 10),
    thread(3, 'libuv-worker', 100),
    thread(4, 'node', 1000),
    thread(5, 'node', 10_000),
    thread(6, 'libuv-worker', 100_000),
    thread(7, 'node', 1_000_000),
  ];
  assert.deepEqual(frontTime(clocks, 1), { microseconds: 10_000, turns: 5 });
  assert.deepEqual(frontTime(clocks, 2), { microseconds: 11_000, turns: 4 + 5 });
});

test('CPU time of a process grows with its work', { skip: process.platform !== 'linux' }, () => {
  const pid = process.pid;
  assert.ok(threadClocks(pid).some(({ id }) => id === pid));
  const before = processMicroseconds([pid]);
  const start = process.cpuUsage();
  while (process.cpuUsage(start).user < 30_000);
  assert.ok(processMicroseconds([pid]) - before > 1_000);
});
