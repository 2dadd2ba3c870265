/** The end of a run on the console: goals, and medians of the headline figures. */
import { formatRatio, median, ratioOf } from './ratios.ts';
import type { Measurement, Results, ScenarioResult } from './results.ts';

export function printSummary(results: Results): void {
  for (const scenario of results.scenarios) printScenario(scenario);
}

function printScenario({ title, measurements, verdicts, skipped, seconds }: ScenarioResult): void {
  process.stdout.write(`\n${title} (${seconds} s)\n`);
  for (const one of measurements) {
    const values = one.values.filter((value) => value !== null);
    const base = measurements.find(
      (other) => other.case === one.case && other.metric === one.metric && other.contender === 'Penstock',
    );
    const ratio = base === undefined || base === one ? '' : `  Penstock is ${ratioText(base, one)} ×`;
    const name = `${one.case}: ${one.metric}`.padEnd(60);
    process.stdout.write(`  ${name} ${one.contender.padEnd(16)} ${median(values).toFixed(2)} ${one.unit}${ratio}\n`);
  }
  for (const { goal, bound, measured, held, why } of verdicts) {
    const mark = held === null ? 'not measured' : held ? 'held' : 'NOT HELD';
    process.stdout.write(`  ${goal}, ${bound}: ${measured}: ${mark}${why === '' ? '' : ` (${why})`}\n`);
  }
  for (const { what, why } of skipped) process.stdout.write(`  left out: ${what}: ${why}\n`);
}

function ratioText(ours: Measurement, theirs: Measurement): string {
  return formatRatio(ratioOf(ours.values, theirs.values));
}
