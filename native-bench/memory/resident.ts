/** Resident memory of a process, from proc(5). */
import { readFileSync } from 'node:fs';

const KIB = 1024;

export interface Resident {
  nowBytes: number;
  /** The most it ever was. */
  peakBytes: number;
}

export function resident(pid: number): Resident {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * KIB;
  return { nowBytes: field('VmRSS'), peakBytes: field('VmHWM') };
}

export function openFilesMax(): number {
  const line = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
  return Number(line?.[1] ?? 0);
}
