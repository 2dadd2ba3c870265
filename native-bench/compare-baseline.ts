/**
 * Holds the results of a run to the ratios of an earlier one that lie in baselines/. Measures nothing; exits with 1 when something
 * regressed beyond noise, with 2 when the two cannot be compared.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { BASELINE_VERSION, type Baseline, baselineOf, mergeBaseline } from './report/baseline.ts';
import { compareBaselines, describeComparison } from './report/compare.ts';
import { readResults } from './report/read-results.ts';

const HELP = `npm run bench:compare [-- OPTIONS]

Compares the ratios of a bench run with those of a baseline. Fails when one is worse by more than the noise of both runs.

  --results FILE   results.json of the run (native-bench/results/results.json)
  --baseline FILE  (native-bench/baselines/quick.json or full.json, whichever the run is)
  --update         writes what the run measured into the baseline; scenarios that did not run stay as they were
  --help           this text
`;

const { values: options } = parseArgs({
  options: {
    results: { type: 'string' },
    baseline: { type: 'string' },
    update: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

/** npm runs scripts in the package's folder; paths are meant from where it was called. */
function pathFromCaller(path: string): string {
  return resolve(process.env['INIT_CWD'] ?? '.', path);
}

function readBaseline(path: string): Baseline {
  if (!existsSync(path)) throw new Error(`there is no ${path}; --update writes one`);
  const baseline = JSON.parse(readFileSync(path, 'utf8')) as Baseline;
  if (baseline.version !== BASELINE_VERSION) throw new Error(`${path} is no baseline of version ${BASELINE_VERSION}`);
  return baseline;
}

function main(): void {
  if (options.help) return void process.stdout.write(HELP);
  const resultsPath = options.results ?? join(import.meta.dirname, 'results/results.json');
  const now = baselineOf(readResults(readFileSync(pathFromCaller(resultsPath), 'utf8')));
  const usual = join(import.meta.dirname, 'baselines', now.quick ? 'quick.json' : 'full.json');
  const path = options.baseline === undefined ? usual : pathFromCaller(options.baseline);
  if (options.update) return update(path, now);
  const then = readBaseline(path);
  const comparison = compareBaselines(then, now);
  if (then.machine.cores !== now.machine.cores || then.machine.pinning !== now.machine.pinning) {
    process.stdout.write('The baseline is of a machine with other cores: ratios may differ for that alone.\n\n');
  }
  process.stdout.write(`${describeComparison(comparison)}\n`);
  if (comparison.compared.length === 0) throw new Error('nothing that was measured is in the baseline');
  if (comparison.compared.some(({ verdict }) => verdict === 'regressed')) process.exitCode = 1;
}

function update(path: string, now: Baseline): void {
  const old = existsSync(path) ? readBaseline(path) : now;
  if (old.quick !== now.quick) throw new Error(`${path} is of another kind of run (quick and full are kept apart)`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(mergeBaseline(old, now), null, 1)}\n`);
  process.stdout.write(`${now.entries.length} ratios and counts written to ${path}\n`);
}

try {
  main();
} catch (error) {
  process.stderr.write(`bench:compare: ${(error as Error).message}\n`);
  process.exitCode = 2;
}
