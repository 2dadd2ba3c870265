/** Runs a scenario of the chaos harness in its short form inside a test, and holds every outcome to its promise. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Outcome, Scenario } from '../../native-bench/chaos/scenario.ts';

const SEED = 7;

/** Every outcome, promises held. Those that were not run are refused, unless `mayBeLeftOut` says why that is right here. */
export async function assertHolds(t: TestContext, scenario: Scenario, mayBeLeftOut = false): Promise<Outcome[]> {
  const outcomes = await scenario.run({ quick: true, seed: SEED, say: (text) => t.diagnostic(text) });
  assert.ok(outcomes.length > 0);
  for (const { scenario: name, failures, notRun, notes, audit, events } of outcomes) {
    if (notRun !== null) {
      assert.ok(mayBeLeftOut, `${name} was not run: ${notRun}`);
      t.skip(notRun);
      continue;
    }
    for (const note of notes) t.diagnostic(`${name}: ${note}`);
    assert.deepEqual(failures, [], [name, ...(audit?.differences.slice(0, 20) ?? [])].join('\n'));
    assert.ok(events > 0 && audit!.completed > 50, `${name}: too little happened to prove anything`);
  }
  return outcomes;
}
