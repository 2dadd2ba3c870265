/**
 * Writes report and plots anew from the results.json of a run, without measuring.
 * Run: `npm run bench:report [-- FOLDER]` (native-bench/results).
 */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readResults } from './read-results.ts';
import { writeReport } from './write-report.ts';

const named = process.argv[2];
// npm runs scripts in the package's folder; the path is meant from where it was called.
const folder =
  named === undefined ? resolve(import.meta.dirname, '../results') : resolve(process.env['INIT_CWD'] ?? '.', named);
try {
  writeReport(readResults(readFileSync(join(folder, 'results.json'), 'utf8')), folder);
  process.stdout.write(`${join(folder, 'report.md')}\n`);
} catch (error) {
  process.stderr.write(`bench:report: ${(error as Error).message}\n`);
  process.exitCode = 2;
}
