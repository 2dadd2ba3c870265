/**
 * How many files this process may open (RLIMIT_NOFILE). Runs at boot and in `doctor`.
 */
import { readFileSync } from 'node:fs';

/**
 * The limit that holds, or null where it is not known (not Linux) or there is none. Node itself raises the soft limit to the
 * hard one when it starts.
 */
export function readOpenFilesMax(path = '/proc/self/limits'): number | null {
  try {
    const match = /^Max open files\s+(\d+)/m.exec(readFileSync(path, 'utf8'));
    return match === null ? null : Number(match[1]);
  } catch {
    return null;
  }
}
