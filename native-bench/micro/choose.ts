/**
 * What choosing an account costs among 10, 100, 1,000 and 10,000, and how many bytes of heap it leaves: all free with equal loads, all
 * busy, all resting. Goals: 20 µs among 1,000, 200 µs among 10,000, no allocation.
 * Run: `node_modules/.bin/node native-bench/micro/choose.ts [--quick]`; one line of JSON a case. `--quick` only shows that it runs.
 */
import { nowMs } from '../../src/base/clock.ts';
import { AccountHealth, accountHealthBytes, REST_OVERLOADED } from '../../src/coordinate/local/account-health.ts';
import { Doorbells, doorbellBytes } from '../../src/coordinate/local/doorbells.ts';
import { ownerCount } from '../../src/coordinate/local/owners.ts';
import { SlotTable, slotTableBytes } from '../../src/coordinate/local/slot-table.ts';
import { TicketBoard, ticketBoardBytes } from '../../src/coordinate/local/ticket-board.ts';
import { choose, makeChoice, type Verdict } from '../../src/schedule/choose.ts';
import { Plans } from '../../src/schedule/plan.ts';
import type { SnapshotAccount } from '../../src/threads/protocol.ts';
import { bestNs, bytesPerCall, printCase } from './measure.ts';

const quick = process.argv.includes('--quick');
const ROUNDS = quick ? 2 : 7;
/** Accounts looked at in a round, whatever their number. */
const LOOKS = quick ? 20_000 : 10_000_000;
const MODEL = 'claude-sonnet-4-5';
const CONCURRENCY = 4;
const REST_MS = 3_600_000;

function account(row: number): SnapshotAccount {
  return {
    id: row + 1,
    name: `account-${row}`,
    row,
    platform: 'anthropic',
    baseUrl: 'http://127.0.0.1:1',
    apiKey: 'k',
    priority: 1,
    concurrency: CONCURRENCY,
    status: 'active',
    modelMap: {},
    ca: null,
    models: null,
    protocols: null,
    settings: {},
  };
}

function scene(rows: number) {
  const shape = { rows, owners: ownerCount(1), queueMax: 1 };
  const board = new TicketBoard(new SharedArrayBuffer(ticketBoardBytes(1, 1)), 1);
  const bells = new Doorbells(new SharedArrayBuffer(doorbellBytes(1)));
  const slots = new SlotTable(new SharedArrayBuffer(slotTableBytes(shape)), shape, 0, board, bells);
  const health = new AccountHealth(new SharedArrayBuffer(accountHealthBytes(rows)), rows);
  const accounts = Array.from({ length: rows }, (_, row) => account(row));
  for (const { row } of accounts) slots.setLimit(row, CONCURRENCY);
  const group = { id: 1, name: 'g', platform: 'anthropic' as const, multiplierMicros: 1_000_000, modelPlatforms: {} };
  const plans = new Plans({ version: 1, groups: [{ ...group, accounts: accounts.map(({ id }) => id) }], accounts });
  return { plan: plans.find(1, MODEL, ['messages'])!, slots, health };
}

type Scene = ReturnType<typeof scene>;

function bench(accounts: number, expected: Verdict, { plan, slots, health }: Scene): void {
  const choice = makeChoice();
  const none: number[] = [];
  const now = nowMs();
  const run = (): void => choose(plan, slots, health, none, now, choice);
  const count = Math.max(20, Math.round(LOOKS / accounts));
  const ns = bestNs(ROUNDS, count, run);
  const bytes = bytesPerCall(Math.min(count, 1_000), run);
  if (choice.verdict !== expected) throw new Error(`${accounts} accounts were ${choice.verdict}, not ${expected}`);
  printCase('choose', `${accounts} accounts, ${expected}`, 'choice', { ns, bytes });
}

for (const accounts of [10, 100, 1_000, 10_000]) {
  const all = scene(accounts);
  bench(accounts, 'free', all);
  for (let row = 0; row < accounts; row++) for (let i = 0; i < CONCURRENCY; i++) all.slots.tryTake(row);
  bench(accounts, 'busy', all);
  for (let row = 0; row < accounts; row++) all.health.rest(row, REST_MS, REST_OVERLOADED);
  bench(accounts, 'resting', all);
}
