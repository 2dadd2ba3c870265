/** The length of a quick run as a sum: what its scenarios plan to load, warm up and wait, held to the budget that keeps it below five minutes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SCENARIOS } from '../../native-bench/scenarios/all.ts';
import {
  PLANS,
  QUICK_BUDGET_SECONDS,
  quickSeconds,
  type ScenarioPlan,
  START_SECONDS,
  secondsOf,
} from '../../native-bench/scenarios/windows.ts';

const PLAN_LIST = Object.entries(PLANS) as [string, ScenarioPlan][];

test('all windows of a quick run and its starts are within the budget', () => {
  const planned = PLAN_LIST.map(([name, plan]) => ({
    name,
    seconds: quickSeconds(plan) + plan.quickStarts * START_SECONDS,
  }));
  const sum = planned.reduce((all, { seconds }) => all + seconds, 0);
  const each = planned.map(({ name, seconds }) => `${name} ${seconds.toFixed(1)}`).join(', ');
  assert.ok(sum <= QUICK_BUDGET_SECONDS, `${sum.toFixed(1)} s: ${each}`);
});

test('every scenario has its plan, and no plan is without a scenario', () => {
  assert.deepEqual(PLAN_LIST.map(([name]) => name).sort(), SCENARIOS.map(({ name }) => name).sort());
});

test('a window of every round counts once a round and subject, another one once a subject', () => {
  const windows = {
    warmUp: { quick: 3, full: 30, subjects: 2 },
    load: { quick: 1, full: 4, subjects: 3, everyRound: true },
    fullOnly: { quick: 0, full: 60, subjects: 1 },
  };
  assert.equal(quickSeconds({ quickRounds: 2, quickStarts: 1, windows }), 3 * 2 + 1 * 3 * 2);
  assert.equal(secondsOf({ quick: true }, windows.load), 1);
  assert.equal(secondsOf({ quick: false }, windows.load), 4);
});

test('a quick window is never longer than the same window of a full run', () => {
  for (const [name, { windows }] of PLAN_LIST) {
    for (const [window, { quick, full }] of Object.entries(windows)) assert.ok(quick <= full, `${name}: ${window}`);
  }
});
