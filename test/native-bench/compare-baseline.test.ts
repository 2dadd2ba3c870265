import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Baseline, baselineOf, mergeBaseline } from '../../native-bench/report/baseline.ts';
import { type Compared, compareBaselines } from '../../native-bench/report/compare.ts';
import { readResults } from '../../native-bench/report/read-results.ts';
import type { Results } from '../../native-bench/report/results.ts';
import { tempFolder } from '../support/temp-folder.ts';

const FIXTURE = readFileSync(join(import.meta.dirname, 'fixtures/results.json'), 'utf8');
const CLI = join(import.meta.dirname, '../../native-bench/compare-baseline.ts');

/** A run of one case; rounds of Penstock, with nginx at 10 and the forwarder at 20 in every round. */
function run(rounds: readonly number[], metric = 'CPU per request', change: Partial<Results> = {}): Baseline {
  const place = { case: 'JSON', metric, unit: 'µs' };
  const flat = (value: number): number[] => rounds.map(() => value);
  const measurements = [
    { ...place, contender: 'Penstock', values: [...rounds] },
    { ...place, contender: 'nginx', values: flat(10) },
    { ...place, contender: 'uWS forwarder', values: flat(20) },
    { ...place, contender: 'before', values: flat(15) },
  ];
  const [scenario] = readResults(FIXTURE).scenarios;
  return baselineOf({ ...readResults(FIXTURE), ...change, scenarios: [{ ...scenario!, measurements }] });
}

function verdicts(then: Baseline, now: Baseline): Compared['verdict'][] {
  return compareBaselines(then, now).compared.map(({ verdict }) => verdict);
}

test('a baseline keeps ratios and counts, and no absolute figure', () => {
  const { entries } = baselineOf(readResults(FIXTURE));
  assert.deepEqual(
    entries.map((one) => [one.metric, one.what, one.kind, one.better, one.median]),
    [
      ['CPU per request', 'Penstock / nginx', 'ratio', 'lower', 3],
      ['CPU per request', 'Penstock / uWS forwarder', 'ratio', 'lower', 1.15],
      ['CPU per request', 'Penstock / Portkey', 'ratio', 'lower', 0.04125],
      ['CPU per request', 'Penstock / nginx', 'ratio', 'lower', 2],
      ['requests per second', 'Penstock / nginx', 'ratio', 'higher', 0.3],
      ['SQL statements per request', 'Penstock', 'count', 'lower', 0],
    ],
  );
  assert.ok(!run([1, 1, 1]).entries.some(({ what }) => what.includes('before')));
});

test('a regression beyond the noise of both runs is found, one within it is not', () => {
  const steady = run([20, 20, 20]);
  assert.deepEqual(verdicts(steady, run([20.9, 20.9, 20.9])), ['same', 'same'], 'under the floor of 5 %');
  assert.deepEqual(verdicts(steady, run([21.2, 21.2, 21.2])), ['regressed', 'regressed']);
  assert.deepEqual(verdicts(steady, run([18, 18, 18])), ['improved', 'improved']);
  const noisy = run([18, 20, 22]);
  assert.deepEqual(verdicts(noisy, run([21.8, 21.8, 21.8])), ['same', 'same'], 'within ± 10 % of the earlier run');
  assert.deepEqual(verdicts(steady, run([20, 22, 24])), ['regressed', 'regressed'], '10 % beside ± 9 %');
  assert.deepEqual(verdicts(noisy, run([20.5, 22.5, 24.5])), ['same', 'same'], '12 % beside ± 10 % and ± 9 %');
  assert.deepEqual(verdicts(noisy, run([24, 24, 24])), ['regressed', 'regressed']);
});

test('of few rounds more is asked', () => {
  assert.deepEqual(verdicts(run([20, 20]), run([22, 22])), ['same', 'same']);
  assert.deepEqual(verdicts(run([20, 20]), run([24, 24])), ['regressed', 'regressed']);
});

test('throughput is worse when it is lower', () => {
  const metric = 'requests per second';
  assert.deepEqual(verdicts(run([20, 20, 20], metric), run([18, 18, 18], metric)), ['regressed', 'regressed']);
  assert.deepEqual(verdicts(run([20, 20, 20], metric), run([22, 22, 22], metric)), ['improved', 'improved']);
});

test('what moved beside one contender alone is not a regression of Penstock', () => {
  const now = run([20, 20, 20]);
  const [nginx, forwarder] = now.entries;
  const faster = { ...nginx!, median: 3, min: 3, max: 3 };
  assert.deepEqual(verdicts(run([20, 20, 20]), { ...now, entries: [faster, forwarder!] }), ['doubtful', 'same']);
});

test('a statement on a path that had none is a regression', () => {
  const count = (value: number): Baseline => run([value, value, value], 'SQL statements per request');
  assert.equal(count(1).entries.length, 1);
  assert.deepEqual(verdicts(count(0), count(0.01)), ['same']);
  assert.deepEqual(verdicts(count(0), count(1)), ['regressed']);
  assert.deepEqual(verdicts(count(5), count(6)), ['same']);
  assert.deepEqual(verdicts(count(5), count(7)), ['regressed']);
});

test('what is missing of a scenario that ran is named, what did not run is not', () => {
  const all = baselineOf(readResults(FIXTURE));
  const other = { ...all.entries[0]!, scenario: 'soak' };
  const { missing, fresh } = compareBaselines(
    { ...all, entries: [...all.entries, other] },
    { ...all, entries: all.entries.slice(1) },
  );
  assert.deepEqual(missing, [all.entries[0]]);
  assert.deepEqual(fresh, []);
});

test('an update leaves scenarios that did not run as they were', () => {
  const [old, now] = [run([20, 20, 20]), run([30, 30, 30])];
  const kept = { ...old.entries[0]!, scenario: 'soak' };
  const merged = mergeBaseline({ ...old, entries: [...old.entries, kept] }, now);
  assert.deepEqual(merged.entries, [kept, ...now.entries]);
});

test('bench:compare updates, then holds, fails on a regression and refuses quick beside full', (t) => {
  const folder = tempFolder(t);
  const [results, baseline] = [join(folder, 'results.json'), join(folder, 'baseline.json')];
  const write = (change: (results: Results) => void): void => {
    const run = readResults(FIXTURE);
    change(run);
    writeFileSync(results, JSON.stringify(run));
  };
  const compare = (...more: string[]): { status: number | null; stdout: string; stderr: string } => {
    const args = ['--disable-warning=ExperimentalWarning', CLI, '--results', results, '--baseline', baseline, ...more];
    return spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 120_000 });
  };
  write(() => {});
  assert.equal(compare().status, 2, 'no baseline yet');
  assert.equal(compare('--update').status, 0);
  const same = compare();
  assert.deepEqual([same.status, same.stderr], [0, '']);
  assert.match(same.stdout, /Nothing regressed beyond noise/);
  write(({ scenarios }) => {
    const [ours] = scenarios[0]!.measurements;
    ours!.values = ours!.values.map((value) => value! * 3);
  });
  const worse = compare();
  assert.equal(worse.status, 1);
  assert.match(worse.stdout, /Regressed:\n\n.*\n.*\n\| traffic \| JSON 1 KB, 64 connections \| CPU per request \|/);
  write((run) => {
    run.quick = true;
  });
  const mixed = compare();
  assert.equal(mixed.status, 2);
  assert.match(mixed.stderr, /quick run/);
});
