/** Statements that requests cause are told apart from those that run by time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { statementsBetween } from '../../native-bench/rig/request-statements.ts';

const LOOKUP = 'select keys.id from keys join users on users.id = keys.user_id where key_hash = any ($1)';
const BATCH = 'insert into usage_logs select * from staging on conflict do nothing';
const PULSE = 'notify penstock_pulse';

test('a statement counts by as many calls as came between the looks, new ones from zero', () => {
  const before = new Map([[LOOKUP, 7]]);
  const after = new Map([
    [LOOKUP, 10],
    ['select 1', 2],
  ]);
  const { ofRequests, requestCalls } = statementsBetween(before, after);
  assert.deepEqual(ofRequests, [
    [LOOKUP, 3],
    ['select 1', 2],
  ]);
  assert.equal(requestCalls, 5);
});

test("the writer's batches and the heartbeat are counted, but not as caused by requests", () => {
  const after = new Map([
    [BATCH, 4],
    [PULSE, 3],
    ['COMMIT', 4],
    [LOOKUP, 1],
  ]);
  const { ofRequests, requestCalls, backgroundCalls } = statementsBetween(new Map(), after);
  assert.deepEqual(ofRequests, [[LOOKUP, 1]]);
  assert.equal(requestCalls, 1);
  assert.equal(backgroundCalls, 11);
});

test('what did not run meanwhile is not named', () => {
  const calls = new Map([[LOOKUP, 5]]);
  assert.deepEqual(statementsBetween(calls, calls), { ofRequests: [], requestCalls: 0, backgroundCalls: 0 });
});
