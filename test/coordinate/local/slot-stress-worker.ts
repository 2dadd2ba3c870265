/**
 * One front of the slot table's stress test: takes, waits, leaves and releases at random by its seed, and checks with every place
 * it gets that no row is above its limit. Ends with nothing held; a waiter that is never granted makes it end late.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '#base/assert.ts';
import type { Seat, Waiter } from '#coordinate/local/waiting-room.ts';
import { openBlocks, type TableBlocks } from '../../support/shared-tables.ts';

interface StressData {
  blocks: TableBlocks;
  /** Int32 per row: places held right now, counted by the workers themselves. */
  actual: SharedArrayBuffer;
  front: number;
  seed: number;
  steps: number;
}

const { blocks, actual, front, seed, steps } = workerData as StressData;
const { table, room } = openBlocks(blocks, front);
const counts = new Int32Array(actual);
const held: number[] = [];
const seats = new Map<Waiter, Seat>();
let state = seed;
let grants = 0;

function random(below: number): number {
  state = (Math.imul(state, 1664525) + 1013904223) | 0;
  return (state >>> 8) % below;
}

function got(row: number): void {
  const now = Atomics.add(counts, row, 1) + 1;
  assert(now <= table.limit(row), `row ${row} has ${now} of ${table.limit(row)} places`);
  held.push(row);
}

function releaseOne(): void {
  const [row] = held.splice(random(held.length), 1);
  Atomics.sub(counts, row!, 1);
  table.release(row!);
}

function waitFor(row: number): void {
  const waiter: Waiter = {
    onGranted: () => {
      seats.delete(waiter);
      grants++;
      got(row);
    },
  };
  const result = room.wait(table, row, waiter);
  if (result === 'taken') got(row);
  else if (result !== 'full') seats.set(waiter, result);
}

function leaveOne(): void {
  const entry = [...seats][random(seats.size)]!;
  seats.delete(entry[0]);
  if (room.leave(entry[1]) === 'granted') got(entry[1].row);
}

for (let i = 0; i < steps; i++) {
  const what = random(10);
  const row = random(blocks.shape.rows);
  if (what < 4) {
    if (table.tryTake(row)) got(row);
    else waitFor(row);
  } else if (what < 5 && seats.size > 0) leaveOne();
  else if (held.length > 0) releaseOne();
  room.wakeGranted();
}
const patience = Date.now() + 30_000;
while (held.length > 0 || seats.size > 0) {
  while (held.length > 0) releaseOne();
  room.wakeGranted();
  assert(Date.now() < patience, `front ${front} waits for ever: ${seats.size} seats`);
}
parentPort!.postMessage({ grants });
