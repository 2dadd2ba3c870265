/**
 * The two sides of a reload against each other, over a channel that delays: whatever both processes take, wait for, give back, reserve
 * and charge, the sum never exceeds a limit or a balance, and in the end nothing is left over.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadConfig } from '#config/load.ts';
import { Doorbells } from '#coordinate/local/doorbells.ts';
import { Ledger } from '#coordinate/local/ledger.ts';
import { SlotTable } from '#coordinate/local/slot-table.ts';
import { TicketBoard } from '#coordinate/local/ticket-board.ts';
import { type Seat, WaitingRoom } from '#coordinate/local/waiting-room.ts';
import { HandingOver } from '#threads/handing-over.ts';
import { PrimaryTables } from '#threads/primary-tables.ts';
import type { PeerMessage } from '#threads/protocol.ts';
import { makeSharedBlocks, tableShapes } from '#threads/shared-blocks.ts';
import { TakingOver } from '#threads/taking-over.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { waitFor } from '../support/wait-for.ts';

const FRONTS = 2;
const USER = 7;
const LIMIT = 5;
const BALANCE = 1_000n;
const STEPS = 400;

const { config: base } = loadConfig({ configPath: null, env: {} });
const limits = { ...base.limits, users: 4, accounts: 4, exchangesPerFront: 64 };
const config = { ...base, limits, usage: { ...base.usage, ringBytes: 65_536 } };

/** One process: its tables, and its fronts as owners of places and money. */
class Side {
  readonly shared = makeSharedBlocks(config, FRONTS);
  readonly tables = new PrimaryTables(config, this.shared);
  readonly row: number;
  readonly fronts;
  /** Places held by front, of this test's own bookkeeping. */
  readonly held: number[] = [];
  readonly seats = new Set<Seat>();

  constructor() {
    const { users } = this.tables;
    this.row = users.rows.assign(USER)!.row;
    users.balances.load(this.row, BALANCE);
    users.limits.setLimit(this.row, LIMIT);
    const shapes = tableShapes(config, FRONTS);
    const board = new TicketBoard(this.shared.tickets, limits.exchangesPerFront);
    const bells = new Doorbells(this.shared.doorbells);
    this.fronts = [0, 1].map((front) => ({
      slots: new SlotTable(this.shared.userSlots, shapes.userSlots, front, board, bells),
      ledger: new Ledger(this.shared.ledger, shapes.ledger, front),
      room: new WaitingRoom(board, front),
    }));
  }

  take(front: number): void {
    const { slots, room } = this.fronts[front]!;
    if (slots.tryTake(this.row)) return void this.held.push(front);
    if (this.seats.size >= 3) return;
    const seat = room.wait(slots, this.row, {
      onGranted: () => {
        this.seats.delete(seat as Seat);
        this.held.push(front);
      },
    });
    if (seat === 'taken') this.held.push(front);
    else if (seat !== 'full') this.seats.add(seat);
  }

  giveBack(): void {
    const front = this.held.shift();
    if (front !== undefined) this.fronts[front]!.slots.release(this.row);
  }

  wake(): void {
    for (const { room } of this.fronts) room.wakeGranted();
  }
}

for (const seed of [1, 2, 3]) {
  test(`places: never more than the limit over both processes, and each gets some (seed ${seed})`, async () => {
    const random = seededRandom(seed);
    const [old, next] = [new Side(), new Side()];
    for (let i = 0; i < LIMIT; i++) old.take(i % FRONTS);
    const { handing, taking } = join(old, next, random);
    await taking.begin(handing.begin());
    const most = { old: 0, next: 0 };
    for (let step = 0; step < STEPS; step++) {
      const side = random() < 0.5 ? old : next;
      if (random() < 0.5) side.take(step % FRONTS);
      else side.giveBack();
      for (const each of [old, next]) each.wake();
      assert.ok(old.held.length + next.held.length <= LIMIT, `step ${step}: ${old.held.length} + ${next.held.length}`);
      if (step > STEPS / 4) {
        most.old = Math.max(most.old, old.held.length);
        most.next = Math.max(most.next, next.held.length);
      }
      if (step % 4 === 0) await sleep(2);
    }
    assert.ok(most.old > 0 && most.next > 0, JSON.stringify(most));
    await waitFor('everybody to have been served', () => {
      for (const side of [old, next]) {
        side.wake();
        side.giveBack();
      }
      return old.seats.size + next.seats.size + old.held.length + next.held.length === 0;
    });
    await waitFor('every place to be back', () => next.tables.users.slots.inUse(next.row) === 0);
    handing.stop();
    assert.equal(next.tables.users.slots.held(next.tables.owner, next.row), 0);
    for (let i = 0; i < LIMIT; i++) assert.ok(next.fronts[0]!.slots.tryTake(next.row));
  });
}

test('a late request of the old process gets a place although somebody always waits in the new one', async () => {
  const random = seededRandom(4);
  const [old, next] = [new Side(), new Side()];
  const { handing, taking } = join(old, next, random);
  await taking.begin(handing.begin());
  for (let i = 0; i < LIMIT + 3; i++) next.take(i % FRONTS);
  old.take(0);
  await waitFor('the late request to be served', () => {
    next.giveBack();
    next.wake();
    while (next.seats.size < 3) next.take(1);
    assert.ok(old.held.length + next.held.length <= LIMIT);
    old.wake();
    return old.held.length === 1;
  });
  old.giveBack();
  await waitFor('its place to be back', () => next.tables.users.slots.held(next.tables.owner, next.row) === 0);
  old.take(1);
  const [seat] = old.seats;
  await waitFor('a debt', () => {
    next.giveBack();
    next.take(0);
    return old.seats.size === 0 || old.tables.users.slots.waiting(old.row) === 1;
  });
  if (old.seats.delete(seat!)) old.fronts[1]!.room.leave(seat!);
  else old.giveBack();
  await waitFor('everything to be back', () => {
    next.giveBack();
    next.wake();
    old.wake();
    old.giveBack();
    return next.tables.users.slots.inUse(next.row) === 0 && next.seats.size === 0;
  });
  handing.stop();
});

test('money: reservations and charges of both never exceed the balance, also when one costs more than was set aside', async () => {
  const random = seededRandom(9);
  const [old, next] = [new Side(), new Side()];
  const open: { side: Side; front: number; amount: bigint }[] = [];
  let charged = 0n;
  const reserve = (side: Side, front: number, amount: bigint): boolean => {
    if (!side.fronts[front]!.ledger.reserve(side.row, amount)) return false;
    open.push({ side, front, amount });
    return true;
  };
  assert.ok(reserve(old, 0, 600n));
  const asked: { front: number; id: number; amount: bigint }[] = [];
  const { handing, taking } = join(old, next, random, (front, id, granted) => {
    const ask = asked.splice(
      asked.findIndex((other) => other.id === id),
      1,
    )[0]!;
    if (granted) reserve(old, front, ask.amount);
  });
  await taking.begin(handing.begin());
  assert.equal(reserve(next, 0, 401n), false, 'the old process has 600 of 1000 outstanding');
  let askId = 0;
  for (let step = 0; step < STEPS; step++) {
    const amount = BigInt(1 + Math.floor(random() * 60));
    const front = step % FRONTS;
    const turn = random();
    if (turn < 0.4) reserve(next, front, amount);
    else if (turn < 0.7) {
      if (reserve(old, front, amount) || asked.length >= 5) continue;
      asked.push({ front, id: ++askId, amount });
      handing.ask(front, askId, old.row, amount);
    } else {
      const ended = open.splice(Math.floor(random() * open.length), 1)[0];
      if (ended !== undefined) {
        const cost = ended.amount / 8n;
        charged += cost;
        ended.side.fronts[ended.front]!.ledger.charge(ended.side.row, cost);
        ended.side.fronts[ended.front]!.ledger.free(ended.side.row, ended.amount);
      }
    }
    const outstanding = open.reduce((sum, entry) => sum + entry.amount, 0n);
    assert.ok(outstanding + charged <= BALANCE, `step ${step}: ${outstanding} open, ${charged} charged`);
    if (step % 4 === 0) await sleep(2);
  }
  await waitFor('every answer', () => asked.length === 0);
  for (const { side, front, amount } of open.splice(0)) side.fronts[front]!.ledger.free(side.row, amount);
  await waitFor('the rest to be returned', () => next.tables.users.ledger.available(next.row) === BALANCE - charged);
  // More than was ever set aside: the other side learns of it.
  old.fronts[0]!.ledger.charge(old.row, 50n);
  await waitFor('the loss', () => next.tables.users.ledger.available(next.row) === BALANCE - charged - 50n);
  handing.stop();
});

test('a process that took over and died is followed by one that gets what the old one has then', async () => {
  const random = seededRandom(4);
  const [old, second, third] = [new Side(), new Side(), new Side()];
  for (let i = 0; i < 4; i++) old.take(0);
  const first = join(old, second, random);
  await first.taking.begin(first.handing.begin());
  old.giveBack();
  await waitFor('the place to be returned', () => second.tables.users.slots.inUse(second.row) === 3);
  const taking = new TakingOver(third.tables, { loadUsers: async () => [], send: () => {}, log: SILENT });
  await taking.begin(first.handing.begin());
  assert.equal(third.tables.users.slots.inUse(third.row), 3);
  first.handing.end();
  assert.equal(
    old.tables.users.slots.limit(old.row),
    LIMIT,
    'after all of them failed the old one has its limits again',
  );
});

const SILENT = { warn() {} } as never;

/** Messages travel in order, each some milliseconds late. */
function join(
  old: Side,
  next: Side,
  random: () => number,
  answerFront: (front: number, id: number, granted: boolean) => void = () => {},
): { handing: HandingOver; taking: TakingOver } {
  const toNext = late(random, (message) => taking.receive(message));
  const toOld = late(random, (message) => handing.receive(message));
  const handing = new HandingOver(old.tables, { send: toNext, answerFront });
  const taking = new TakingOver(next.tables, { loadUsers: async () => [], send: toOld, log: SILENT });
  return { handing, taking };
}

function late(random: () => number, receive: (message: PeerMessage) => void): (message: PeerMessage) => void {
  let before: Promise<unknown> = Promise.resolve();
  return (message) => {
    before = before.then(() => sleep(random() * 5)).then(() => receive(structuredClone(message)));
  };
}
