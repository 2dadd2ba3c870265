import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nowMs } from '#base/clock.ts';
import {
  AccountHealth,
  accountHealthBytes,
  REST_OVERLOADED,
  REST_RATE_LIMITED,
} from '#coordinate/local/account-health.ts';
import { choose, makeChoice } from '#schedule/choose.ts';
import { Plans, upstreamModel } from '#schedule/plan.ts';
import type { SnapshotAccount } from '#threads/protocol.ts';
import { makeBlocks, openBlocks } from '../support/shared-tables.ts';

const ROWS = 8;

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
    ...change,
  };
}

function open(accounts: SnapshotAccount[]) {
  const { table, room } = openBlocks(makeBlocks(ROWS, 4), 0);
  for (const { row, concurrency } of accounts) table.setLimit(row, concurrency);
  const health = new AccountHealth(new SharedArrayBuffer(accountHealthBytes(ROWS)), ROWS);
  const group = { id: 1, name: 'g', platform: 'anthropic' as const, multiplierMicros: 1_000_000 };
  const plans = new Plans({ version: 1, groups: [{ ...group, accounts: accounts.map(({ id }) => id) }], accounts });
  const pick = (tried: number[] = [], model = 'm') => {
    const choice = makeChoice();
    const plan = plans.find(1, model)!;
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
  const { modelHash } = plans.find(1, 'm')!;
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
  const plan = plans.find(1, 'claude-x')!;
  assert.deepEqual(
    plan.accounts.map(({ name }) => name),
    ['a1'],
  );
  assert.equal(upstreamModel(plan.accounts[0]!, 'claude-x'), 'vendor/claude-x');
  assert.equal(upstreamModel(plan.accounts[0]!, 'constructor'), 'constructor');
  assert.equal(plans.find(2, 'claude-x'), undefined);
});
