/**
 * Small files that others read while they are replaced: written beside, synced, renamed, so that a reader sees the old text or
 * the new one and a crash leaves one of them. Boot and CLI; blocking.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';

/** For files that hold secrets: readable by their owner only. */
export const PRIVATE_MODE = 0o600;

export function writeFileAtomic(path: string, text: string, mode: number): void {
  const partial = `${path}.${process.pid}.partial`;
  rmSync(partial, { force: true });
  const file = openSync(partial, 'wx', mode);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(partial, path);
}

/** Null when there is no such file. Other faults throw. */
export function readTextFile(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
