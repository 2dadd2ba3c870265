/**
 * One front of the row stress test: uses users' rows at random by its seed as a front does (cached, asked for, held by open
 * exchanges), answers `dropRows`, and checks with every use that the row still belongs to the user it was told for.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type MessagePort, workerData } from 'node:worker_threads';
import { assert } from '#base/assert.ts';
import { RowGenerations } from '#coordinate/local/row-generations.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { openBlocks, type TableBlocks } from '../support/shared-tables.ts';

export interface RowStressData {
  blocks: TableBlocks;
  generations: SharedArrayBuffer;
  /** Int32 by row: the user that primary gave it to. */
  owners: SharedArrayBuffer;
  front: number;
  seed: number;
  uses: number;
  users: number;
  port: MessagePort;
}

export type ToPrimary =
  | { type: 'lookup'; user: number }
  | { type: 'rowsDropped'; id: number; inUse: number[] }
  | { type: 'done'; used: number; full: number };
export type FromPrimary =
  | { type: 'seat'; user: number; seat: { row: number; generation: number } | null }
  | { type: 'dropRows'; id: number; rows: number[] };

const data = workerData as RowStressData;
const { port, front } = data;
const { table } = openBlocks(data.blocks, front);
const generations = new RowGenerations(data.generations);
const owners = new Int32Array(data.owners);
const random = seededRandom(data.seed);
const below = (bound: number): number => Math.floor(random() * bound);
const cached = new Map<number, { row: number; generation: number }>();
/** Identified, and free to take a place whenever it likes. */
const open: { user: number; row: number; placed: boolean }[] = [];
let full = 0;
let used = 0;
let asked: ((answer: FromPrimary) => void) | null = null;

port.on('message', (message: FromPrimary) => {
  if (message.type === 'seat') return asked?.(message);
  for (const [user, seat] of cached) if (message.rows.includes(seat.row)) cached.delete(user);
  const inUse = message.rows.filter((row) => open.some((exchange) => exchange.row === row));
  tell({ type: 'rowsDropped', id: message.id, inUse });
});

function tell(message: ToPrimary): void {
  port.postMessage(message);
}

async function identify(user: number): Promise<void> {
  let seat = cached.get(user) ?? null;
  if (seat === null) {
    const answer = new Promise<FromPrimary>((resolve) => {
      asked = resolve;
    });
    tell({ type: 'lookup', user });
    const message = await answer;
    seat = message.type === 'seat' ? message.seat : null;
    if (seat === null) return void full++;
    cached.set(user, seat);
  }
  assert(generations.current(seat.row) === seat.generation, `front ${front}: a stale generation of row ${seat.row}`);
  open.push({ user, row: seat.row, placed: false });
}

function own(exchange: { user: number; row: number }): void {
  const owner = owners[exchange.row];
  assert(owner === exchange.user, `front ${front}: row ${exchange.row} of ${exchange.user} belongs to ${owner}`);
}

function place(): void {
  const exchange = open[below(open.length)];
  if (exchange === undefined || exchange.placed) return;
  exchange.placed = table.tryTake(exchange.row);
  own(exchange);
}

function end(): void {
  const [exchange] = open.splice(below(open.length), 1);
  if (exchange === undefined) return;
  own(exchange);
  used++;
  if (exchange.placed) table.release(exchange.row);
}

while (used < data.uses) {
  if (open.length < 3 && random() < 0.6) await identify(1 + below(data.users));
  else if (random() < 0.5) place();
  else end();
  await nextTurn();
}
while (open.length > 0) end();
tell({ type: 'done', used, full });
