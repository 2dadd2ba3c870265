/**
 * One front of the ownership stress test: takes and gives places, money and bytes at random by its seed, waits and leaves, and checks
 * with everything it gets that no limit is exceeded. It ends after its steps, or dies: tells what it held at that moment and
 * returns nothing of it. The model words count what is really held, raised after the tables and lowered before them.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '#base/assert.ts';
import type { Seat } from '#coordinate/local/waiting-room.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { type OwnedBlocks, openOwned } from '../../support/shared-tables.ts';

export interface StressData {
  blocks: OwnedBlocks;
  /** Int32: places held by row; KiB held at the end. */
  placesModel: SharedArrayBuffer;
  /** BigInt64 by row: reserved and spent. */
  moneyModel: SharedArrayBuffer;
  /** BigInt64 by row: charged, not handed to primary yet. */
  uncommitted: SharedArrayBuffer;
  /** BigInt64 by row: charged so far; only grows. */
  spentModel: SharedArrayBuffer;
  opening: bigint;
  front: number;
  seed: number;
  steps: number;
  /** Dies after so many steps; 0: never. */
  diesAfter: number;
}

/** What it held when it died. */
export interface LastWords {
  places: number[];
  reserved: [number, bigint][];
  kib: number;
  waiting: number;
  grants: number;
}

const data = workerData as StressData;
const { blocks, front, opening } = data;
const { rows } = blocks.users.shape;
const tables = openOwned(blocks, front);
const random = seededRandom(data.seed);
const below = (bound: number): number => Math.floor(random() * bound);
const placesModel = new Int32Array(data.placesModel);
const moneyModel = new BigInt64Array(data.moneyModel);
const spentModel = new BigInt64Array(data.spentModel);
const uncommitted = new BigInt64Array(data.uncommitted);
const places: number[] = [];
const seats: Seat[] = [];
const reserved: [number, bigint][] = [];
const bodies: number[] = [];
let grants = 0;

function got(row: number): void {
  const now = Atomics.add(placesModel, row, 1) + 1;
  assert(now <= tables.userSlots.limit(row), `row ${row}: ${now} of ${tables.userSlots.limit(row)} places`);
  places.push(row);
}

function takePlace(row: number): void {
  if (tables.userSlots.tryTake(row)) return got(row);
  const waiter = {
    onGranted: (): void => {
      seats.splice(
        seats.findIndex((seat) => seat.waiter === waiter),
        1,
      );
      grants++;
      got(row);
    },
  };
  const result = tables.room.wait(tables.userSlots, row, waiter);
  if (result === 'taken') got(row);
  else if (result !== 'full') seats.push(result);
}

function returnPlace(): void {
  const [row] = places.splice(below(places.length), 1);
  if (row === undefined) return;
  Atomics.sub(placesModel, row, 1);
  tables.userSlots.release(row);
}

function leaveQueue(): void {
  const [seat] = seats.splice(below(seats.length), 1);
  if (seat !== undefined && tables.room.leave(seat) === 'granted') got(seat.row);
}

function reserve(row: number): void {
  const amount = row === 0 ? 1n : BigInt(1 + below(400));
  if (!tables.ledger.reserve(row, amount)) return;
  const now = Atomics.add(moneyModel, row, amount) + amount;
  assert(now <= opening, `row ${row}: ${now} of ${opening} reserved and spent`);
  reserved.push([row, amount]);
  // Nothing stays reserved in row 0, so that there the observer sees what the charges and commits alone do.
  if (row === 0) settle(reserved.length - 1, 1n);
}

function settle(index: number, charge: bigint): void {
  const [entry] = reserved.splice(index, 1);
  if (entry === undefined) return;
  const [row, amount] = entry;
  Atomics.sub(moneyModel, row, amount - charge);
  tables.ledger.charge(row, charge);
  Atomics.add(spentModel, row, charge);
  Atomics.add(uncommitted, row, charge);
  tables.ledger.free(row, amount);
}

function takeBytes(): void {
  const kib = 1 + below(20);
  if (!tables.bodyBudget.take(kib * 1024)) return;
  const now = Atomics.add(placesModel, rows, kib) + kib;
  assert(now * 1024 <= blocks.budgetBytes, `${now} KiB of ${blocks.budgetBytes / 1024}`);
  bodies.push(kib);
}

function giveBytes(): void {
  const kib = bodies.pop();
  if (kib === undefined) return;
  Atomics.sub(placesModel, rows, kib);
  tables.bodyBudget.give(kib * 1024);
}

function step(): void {
  const what = below(12);
  if (what < 4) takePlace(below(rows));
  else if (what < 6) returnPlace();
  else if (what < 7) leaveQueue();
  else if (what < 8) reserve(below(rows));
  else if (what < 9) settle(below(reserved.length), random() < 0.2 ? 1n : 0n);
  else if (what < 10) takeBytes();
  else giveBytes();
  tables.room.wakeGranted();
}

const dies = data.diesAfter > 0 && data.diesAfter < data.steps;
for (let i = 0; i < (dies ? data.diesAfter : data.steps); i++) step();
if (!dies) {
  const patience = Date.now() + 30_000;
  while (places.length + seats.length + reserved.length + bodies.length > 0) {
    while (places.length > 0) returnPlace();
    while (reserved.length > 0) settle(0, 0n);
    while (bodies.length > 0) giveBytes();
    tables.room.wakeGranted();
    assert(Date.now() < patience, `front ${front} waits for ever: ${seats.length} seats`);
  }
}
const kib = bodies.reduce((sum, body) => sum + body, 0);
parentPort!.postMessage({ places, reserved, kib, waiting: seats.length, grants } satisfies LastWords);
