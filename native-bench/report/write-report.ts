/** Writes the report of a run: one Markdown page and its plots beside each other. Owns nothing but the files that it names. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Plot, plotsOf } from './plots.ts';
import { reportPage } from './report-page.ts';
import type { Results } from './results.ts';

export function writeReport(results: Results, folder: string): void {
  mkdirSync(folder, { recursive: true });
  const plots = new Map<string, readonly Plot[]>();
  for (const scenario of results.scenarios) plots.set(scenario.name, plotsOf(scenario));
  for (const { file, svg } of [...plots.values()].flat()) writeFileSync(join(folder, file), svg);
  writeFileSync(join(folder, 'report.md'), reportPage(results, plots));
}
