import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nowMs } from '#base/clock.ts';
import {
  AccountHealth,
  accountHealthBytes,
  REST_OVERLOADED,
  REST_RATE_LIMITED,
} from '#coordinate/local/account-health.ts';
import { choose, EXACT_MAX, makeChoice } from '#schedule/choose.ts';
import { Plans, upstreamModel } from '#schedule/plan.ts';
import type { SnapshotAccount } from '#threads/protocol.ts';
import { makeBlocks, openBlocks } from '../support/shared-tables.ts';

const ROWS = 1_024;
const MESSAGES = ['messages'] as const;

function account(row: number, change: Partial<SnapshotAccount> = {}): SnapshotAccount {
  return {
    id: row + 100,
    name: `a${row}`,
    row,
    platform: 'anthropic',
    baseUrl: 'http://127.0.0.1:1',
    apiKey: 'k',
    priority: 10,
    concurrency: 2,
    status: 'active',
    modelMap: {},
    ca: null,
    models: null,
    protocols: null,
    settings: {},
    ...change,
  };
}

function open(accounts: SnapshotAccount[]) {
  const { table, room } = openBlocks(makeBlocks(ROWS, 4), 0);
  for (const { row, concurrency } of accounts) table.setLimit(row, concurrency);
  const health = new AccountHealth(new SharedArrayBuffer(accountHealthBytes(ROWS)), ROWS);
  const group = { id: 1, name: 'g', platform: 'anthropic' as const, multiplierMicros: 1_000_000, modelPlatforms: {} };
  const plans = new Plans({ version: 1, groups: [{ ...group, accounts: accounts.map(({ id }) => id) }], accounts });
  const pick = (tried: number[] = [], model = 'm') => {
    const choice = makeChoice();
    const plan = plans.find(1, model, MESSAGES)!;
    choose(plan, table, health, tried, nowMs(), choice);
    return { ...choice, name: choice.index < 0 ? null : plan.accounts[choice.index]!.name };
  };
  return { table, room, health, plans, pick };
}

test('the best priority goes first, whatever the load of the others', () => {
  const { table, pick } = open([account(0, { priority: 20 }), account(1, { priority: 5 })]);
  table.tryTake(1);
  assert.equal(pick().name, 'a1');
  table.tryTake(1);
  assert.equal(pick().name, 'a0', 'a full account makes way for the next priority');
});

test('within a priority the lower load wins, then the least recently used', () => {
  const { table, health, pick } = open([account(0), account(1, { concurrency: 4 }), account(2)]);
  table.tryTake(0);
  table.tryTake(1);
  table.tryTake(2);
  assert.equal(pick().name, 'a1', 'one of four is less than one of two');
  table.release(0);
  table.release(1);
  table.release(2);
  health.markUsed(0, 30);
  health.markUsed(1, 10);
  health.markUsed(2, 20);
  assert.equal(pick().name, 'a1');
});

test('when all are full the shortest queue relative to its places is named', () => {
  const { table, room, pick } = open([account(0, { concurrency: 1 }), account(1, { concurrency: 1 })]);
  table.tryTake(0);
  table.tryTake(1);
  room.wait(table, 0, { onGranted: () => {} });
  assert.deepEqual([pick().verdict, pick().name], ['busy', 'a1']);
});

test('resting accounts are passed over; when all rest the first end and the kind of rest are told', () => {
  const { health, pick, plans } = open([account(0), account(1)]);
  const { modelHash } = plans.find(1, 'm', MESSAGES)!;
  health.restModel(0, modelHash, 5000, REST_RATE_LIMITED);
  assert.equal(pick().name, 'a1');
  assert.equal(pick([], 'other').verdict, 'free');
  health.rest(1, 1000, REST_RATE_LIMITED);
  const choice = pick();
  assert.equal(choice.verdict, 'resting');
  assert.equal(choice.restIsRateLimit, true);
  assert.ok(choice.restEnds - nowMs() < 1100);
  health.rest(1, 2000, REST_OVERLOADED);
  assert.equal(pick().restIsRateLimit, false);
});

test('an account that was tried is not chosen again', () => {
  const { pick } = open([account(0), account(1)]);
  assert.equal(pick([0]).name, 'a1');
  assert.equal(pick([0, 1]).verdict, 'none');
});

test('a plan holds the active accounts that serve the model, and maps its name', () => {
  const mapped = account(1, { models: ['claude-*'], modelMap: { 'claude-x': 'vendor/claude-x' } });
  const { plans } = open([account(0, { models: ['gpt-5'] }), mapped, account(2, { status: 'disabled' })]);
  const plan = plans.find(1, 'claude-x', MESSAGES)!;
  assert.deepEqual(
    plan.accounts.map(({ name }) => name),
    ['a1'],
  );
  assert.equal(upstreamModel(plan.accounts[0]!, 'claude-x'), 'vendor/claude-x');
  assert.equal(upstreamModel(plan.accounts[0]!, 'constructor'), 'constructor');
  assert.equal(plans.find(2, 'claude-x', MESSAGES), undefined);
});

/** More accounts than are looked at whole, not a multiple of a window. */
const MANY = EXACT_MAX * 5 + 7;

function many(change: (row: number) => Partial<SnapshotAccount> = () => ({})): SnapshotAccount[] {
  return Array.from({ length: MANY }, (_, row) => account(row, change(row)));
}

test('among many accounts every one gets its share', () => {
  const { table, health, pick } = open(many());
  const uses = new Array<number>(MANY).fill(0);
  for (let i = 0; i < MANY * 10; i++) {
    const { index } = pick();
    uses[index]!++;
    table.tryTake(index);
    health.markUsed(index, i + 1);
    table.release(index);
  }
  assert.ok(Math.min(...uses) >= 5, `the least used one ${Math.min(...uses)} times of 10`);
  assert.ok(Math.max(...uses) <= 20, `the most used one ${Math.max(...uses)} times of 10`);
});

test('places among many accounts spread evenly, and the last free one is found', () => {
  const { table, pick } = open(many());
  for (let i = 0; i < MANY; i++) table.tryTake(pick().index);
  const loads = Array.from({ length: MANY }, (_, row) => table.inUse(row));
  assert.ok(loads.filter((load) => load === 1).length > MANY * 0.9, 'nearly all have one of their two places in use');
  for (let i = MANY; i < MANY * 2; i++) {
    const { verdict, index } = pick();
    assert.equal(verdict, 'free');
    assert.ok(table.tryTake(index));
  }
  assert.equal(pick().verdict, 'busy');
  table.release(MANY - 3);
  assert.deepEqual([pick().verdict, pick().index], ['free', MANY - 3]);
});

test('among many accounts the shortest queue of all is named when none is free, and the first end of rest when all rest', () => {
  const { table, health, pick } = open(many());
  for (let row = 0; row < MANY; row++) {
    // As after a limit was lowered: more in use than places.
    table.setLimit(row, row === MANY - 20 ? 2 : 3);
    while (table.tryTake(row));
  }
  assert.deepEqual([pick().verdict, pick().index], ['busy', MANY - 20]);
  for (let row = 0; row < MANY; row++) health.rest(row, row === 17 ? 1_000 : 9_000, REST_RATE_LIMITED);
  const { verdict, restEnds } = pick();
  assert.equal(verdict, 'resting');
  assert.ok(restEnds - nowMs() < 1_100);
});

test('among many accounts a better priority goes first as long as one of it is free, and a tried one is not chosen again', () => {
  const { table, pick } = open(many((row) => ({ priority: row === 40 ? 1 : row % 2 === 0 ? 10 : 20 })));
  const firstTier = pick();
  assert.equal(firstTier.name, 'a40');
  assert.notEqual(pick([firstTier.index]).name, 'a40');
  for (let row = 0; row < MANY; row += 2) while (table.tryTake(row));
  assert.match(pick().name!, /^a\d*[13579]$/);
});
