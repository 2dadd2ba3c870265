/** Which accounts of a group can serve a request of a client's protocol. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Platform, Protocol } from '#base/protocols.ts';
import { Plans } from '#schedule/plan.ts';
import type { SnapshotAccount } from '#threads/protocol.ts';

const CHAT: readonly Protocol[] = ['chat', 'responses', 'messages', 'gemini'];
const MESSAGES: readonly Protocol[] = ['messages', 'responses', 'chat', 'gemini'];

function account(id: number, platform: Platform, change: Partial<SnapshotAccount> = {}): SnapshotAccount {
  const ordinary = { priority: 10, concurrency: 2, status: 'active' as const, modelMap: {}, ca: null, models: null };
  const address = { baseUrl: 'http://127.0.0.1:1', apiKey: 'k', protocols: null, settings: {} };
  return { id, name: `${platform}-${id}`, row: id, platform, ...ordinary, ...address, ...change };
}

function plansOf(accounts: SnapshotAccount[], modelPlatforms: Record<string, Platform> = {}): Plans {
  const group = { id: 1, name: 'g', platform: 'anthropic' as const, multiplierMicros: 1_000_000, modelPlatforms };
  return new Plans({ version: 1, groups: [{ ...group, accounts: accounts.map(({ id }) => id) }], accounts });
}

function names(plans: Plans, model: string, servedBy: readonly Protocol[]): [Protocol, string[]] {
  const plan = plans.find(1, model, servedBy)!;
  return [plan.protocol, plan.accounts.map(({ name }) => name)];
}

test("accounts that speak the client's protocol go before those that can stand in", () => {
  const plans = plansOf([account(1, 'anthropic', { models: ['m'] }), account(2, 'openai', { models: ['m'] })]);
  assert.deepEqual(names(plans, 'm', CHAT), ['chat', ['openai-2']]);
  assert.deepEqual(names(plans, 'm', MESSAGES), ['messages', ['anthropic-1']]);
});

test('an account speaks what its list says, and nothing else', () => {
  const plans = plansOf([account(1, 'openai', { protocols: ['chat'] })]);
  assert.deepEqual(names(plans, 'x', MESSAGES), ['chat', ['openai-1']]);
  assert.deepEqual(names(plans, 'x', ['responses']), ['responses', []]);
});

test('in a group of several platforms an account without a list serves no model of another platform', () => {
  const plans = plansOf([account(1, 'anthropic'), account(2, 'openai'), account(3, 'gemini')]);
  assert.deepEqual(names(plans, 'claude-opus-5', CHAT), ['messages', ['anthropic-1']]);
  assert.deepEqual(names(plans, 'gpt-5', MESSAGES), ['responses', ['openai-2']]);
  assert.deepEqual(names(plans, 'gemini-3-pro', MESSAGES), ['gemini', ['gemini-3']]);
  assert.deepEqual(names(plans, 'house-model', MESSAGES), ['messages', ['anthropic-1']], 'a name that nobody owns');
});

test('in a group of one platform it serves whatever it is asked for', () => {
  const plans = plansOf([account(1, 'anthropic'), account(2, 'anthropic')]);
  assert.deepEqual(names(plans, 'gpt-5', MESSAGES), ['messages', ['anthropic-1', 'anthropic-2']]);
});

test('a group says by model which platform serves, the longest pattern first', () => {
  const both = { models: ['m*'] };
  const plans = plansOf([account(1, 'anthropic', both), account(2, 'openai', both)], {
    'm*': 'openai',
    'm-a*': 'anthropic',
  });
  assert.deepEqual(names(plans, 'm-1', MESSAGES), ['responses', ['openai-2']]);
  assert.deepEqual(names(plans, 'm-a1', CHAT), ['messages', ['anthropic-1']]);
});

test('an operation that names no model can go to every account that speaks its protocol', () => {
  const plans = plansOf([
    account(1, 'openai', { models: ['a'] }),
    account(2, 'openai', { models: ['b'] }),
    account(3, 'gemini'),
  ]);
  assert.deepEqual(names(plans, '', ['responses']), ['responses', ['openai-1', 'openai-2']]);
});
