/** The profile as text: threads with their CPU, then each busy thread's functions by self time (or bytes allocated). */
import { type Frame, functionSums, partSums } from './frames.ts';
import type { Taken } from './profiled-gateway.ts';

/** Threads that worked less than this share of the time are named, not listed. */
const BUSY_SHARE_MIN = 0.01;
const PARTS = 14;

export interface SummaryOptions {
  title: string;
  unit: string;
  /** Functions listed of a thread. */
  rows: number;
}

export function cpuSummary(taken: Taken, trees: ReadonlyMap<string, Frame>, options: SummaryOptions): string {
  const { units, processMs } = taken;
  const perUnit = (ms: number): string => ((ms * 1000) / units).toFixed(2);
  const lines = [...heading(taken, options), `CPU, µs a ${options.unit}   total     user   system   GC pauses`];
  const row = (name: string, cells: string[]): string =>
    `  ${name.padEnd(18)} ${cells.map((cell) => cell.padStart(8)).join(' ')}`;
  let knownMs = 0;
  for (const { thread, userMs, systemMs, gcMs, gcCount } of taken.threads) {
    knownMs += userMs + systemMs;
    const share = ((gcMs / Math.max(1, userMs + systemMs)) * 100).toFixed(1);
    const figures = [userMs + systemMs, userMs, systemMs, gcMs].map(perUnit);
    lines.push(`${row(thread, figures)}  (${gcCount}, ${share} % of the thread)`);
  }
  // The sampling threads are among them.
  lines.push(row('helper threads', [perUnit(Math.max(0, processMs - knownMs))]), row('process', [perUnit(processMs)]));
  for (const { thread, wallMs } of taken.threads) {
    const tree = trees.get(thread)!;
    if (tree.total < BUSY_SHARE_MIN * wallMs * 1000) continue;
    const parts = partSums(tree).map(({ name, self }) => `${name} ${percent(self / tree.total).trim()}`);
    lines.push('', `${thread}: ${parts.slice(0, PARTS).join(', ')}`, '');
    lines.push(`${thread}: functions by self time`, `   self    µs/${options.unit}   total  function`);
    for (const { name, self, total } of functionSums(tree).slice(0, options.rows)) {
      const share = self / tree.total;
      const us = (self / units).toFixed(2).padStart(9);
      lines.push(`${percent(share)} ${us}   ${percent(total / tree.total)}  ${name}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

export function heapSummary(taken: Taken, trees: ReadonlyMap<string, Frame>, options: SummaryOptions): string {
  const { units } = taken;
  const lines = heading(taken, options);
  for (const { thread, gcMs, gcCount } of taken.threads) {
    const tree = trees.get(thread)!;
    const bytes = (tree.total / units).toFixed(0);
    const pauses = `${gcCount} collections, ${((gcMs * 1000) / units).toFixed(2)} µs a ${options.unit}`;
    lines.push('', `${thread}: ${bytes} bytes on the JavaScript heap a ${options.unit} (${pauses})`);
    if (tree.total / units < 1) continue;
    lines.push(`  share   B/${options.unit}  function`);
    for (const { name, self } of functionSums(tree).slice(0, options.rows)) {
      if (self === 0) continue;
      lines.push(`${percent(self / tree.total)} ${(self / units).toFixed(0).padStart(9)}  ${name}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function heading({ units, seconds }: Taken, { title, unit }: SummaryOptions): string[] {
  return [title, `${units} ${unit}s in ${seconds.toFixed(1)} s`, ''];
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`.padStart(7);
}
