/**
 * How a thread waits for the lock bit of a row: it spins, then sleeps a millisecond at a time, then gives up. Any thread.
 */
import { assert } from '#base/assert.ts';

/** Spins before a waiter for the lock sleeps a millisecond at a time: the holder was preempted. */
const SPINS_MAX = 2000;
/** A preempted holder goes on within this many milliseconds, or it never will. */
const SLEEPS_MAX = 10_000;
const sleepWord = new Int32Array(new SharedArrayBuffer(4));

/** Called for each look at a lock that is held, with the number of looks so far. */
export function relax(spins: number): void {
  if (spins < SPINS_MAX) return;
  assert(spins < SPINS_MAX + SLEEPS_MAX, 'a row is locked by nobody who goes on');
  Atomics.wait(sleepWord, 0, 0, 1);
}
