import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Measurement } from '../../native-bench/report/results.ts';
import { caseRatio } from '../../native-bench/scenarios/case-ratio.ts';
import type { Rig } from '../../native-bench/scenarios/scenario.ts';

function rigWith(rows: [string, string, (number | null)[]][]): Rig {
  const measurements: Measurement[] = rows.map(([name, contender, values]) => {
    return { case: name, contender, metric: 'p50', unit: 'ms', values };
  });
  return { measurements } as unknown as Rig;
}

const PAIR = { metric: 'p50', case: 'frozen', base: 'quick' };

test('two cases are compared round by round; a round that lacks one of them does not count', () => {
  const rig = rigWith([
    ['quick', 'Penstock', [1, 2, 4, 1]],
    ['frozen', 'Penstock', [2, 2, null, 3]],
  ]);
  assert.deepEqual(caseRatio(rig, PAIR), { median: 2, min: 1, max: 3, pairs: 3 });
});

test('what a control went through at the same time is divided out', () => {
  const rig = rigWith([
    ['quick', 'Penstock', [1, 10]],
    ['frozen', 'Penstock', [20, 10]],
    ['quick', 'uWS forwarder', [1, 10]],
    ['frozen', 'uWS forwarder', [20, 5]],
  ]);
  const { min, max } = caseRatio(rig, { ...PAIR, control: 'uWS forwarder' })!;
  assert.deepEqual([min, max], [1, 2]);
  assert.equal(caseRatio(rig, { ...PAIR, control: 'nginx' })!.max, 20, 'a control that was not measured is left out');
});

test('a case that was not measured has no ratio', () => {
  assert.equal(caseRatio(rigWith([['quick', 'Penstock', [1]]]), PAIR), null);
});
