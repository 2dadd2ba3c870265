import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nowMs } from '#base/clock.ts';
import { FrontWatch } from '#threads/front-watch.ts';

const STALL_MS = 3_000;

function open() {
  const beats = [0, 0];
  const told: string[] = [];
  const watch = new FrontWatch({ count: (front) => beats[front]! }, STALL_MS, {
    onStalled: (front, stalled) => void told.push(`${front} ${stalled ? 'stalled' : 'well'}`),
    onStuck: (front) => void told.push(`${front} stuck`),
  });
  let now = nowMs();
  const look = (ms: number): void => {
    now += ms;
    watch.look(now);
  };
  /** Looks every half second for as long; the fronts named take a turn before each look. */
  const pass = (ms: number, ...beating: number[]): void => {
    for (let passed = 0; passed < ms; passed += 500) {
      for (const front of beating) beats[front]!++;
      look(500);
    }
  };
  watch.watch(0);
  watch.watch(1);
  return { watch, told, pass, look, close: () => watch.close() };
}

test('a front that is silent for the bound is reported, after twice the bound it is stuck, each once', () => {
  const { watch, told, pass, close } = open();
  pass(STALL_MS - 500, 1);
  assert.deepEqual(told, []);
  pass(500, 1);
  assert.deepEqual([told, watch.stalled], [['0 stalled'], [0]]);
  pass(STALL_MS, 1);
  assert.deepEqual(told, ['0 stalled', '0 stuck']);
  pass(10 * STALL_MS, 1);
  assert.equal(told.length, 2);
  close();
});

test('a front that takes turns again is well, and its silence begins anew', () => {
  const { watch, told, pass, close } = open();
  pass(STALL_MS + 1000, 1);
  pass(500, 0, 1);
  assert.deepEqual([told, watch.stalled], [['0 stalled', '0 well'], []]);
  pass(STALL_MS - 500, 1);
  assert.equal(told.length, 2);
  close();
});

test('a front that has ended is not missed', () => {
  const { watch, told, pass, close } = open();
  pass(STALL_MS, 1);
  watch.forget(0);
  assert.deepEqual(told, ['0 stalled', '0 well']);
  pass(3 * STALL_MS, 1);
  assert.equal(told.length, 2);
  close();
});

test('a pause of the whole process is nobody’s silence', () => {
  const { told, look, close } = open();
  look(100 * STALL_MS);
  assert.deepEqual(told, []);
  close();
});
