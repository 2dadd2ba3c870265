/** The most memory that processes had resident during some work: the kernel's own high-water mark, set back before it. */
import { writeFileSync } from 'node:fs';
import { resident } from '../memory/resident.ts';

/** proc(5): 5 sets VmHWM back to what is resident now. A kernel that refuses leaves the peak since the start of the process. */
export function resetPeak(pids: readonly number[]): boolean {
  try {
    for (const pid of pids) writeFileSync(`/proc/${pid}/clear_refs`, '5');
    return true;
  } catch {
    return false;
  }
}

/** Sums over the processes; the sum of peaks is at least the peak of the sum. */
export function residentBytes(pids: readonly number[]): { nowBytes: number; peakBytes: number } {
  const sum = { nowBytes: 0, peakBytes: 0 };
  for (const pid of pids) {
    const one = resident(pid);
    sum.nowBytes += one.nowBytes;
    sum.peakBytes += one.peakBytes;
  }
  return sum;
}
