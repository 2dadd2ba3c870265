/**
 * `control.json` in the data folder: where the control port of the running gateway is, for the CLI. Primary writes it when the
 * port is open and removes it when it ends; a crash leaves a stale one, which names a process that is gone.
 *
 *   {"url": URL, "pid": primary}
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { PRIVATE_MODE, readTextFile, writeFileAtomic } from '#base/atomic-file.ts';

export interface ControlAnnouncement {
  url: string;
  pid: number;
}

/** Writes the file; the result removes it, unless a successor has written its own by then. */
export function announceControl(dataDir: string, url: string): () => void {
  const path = join(dataDir, 'control.json');
  const text = `${JSON.stringify({ url, pid: process.pid } satisfies ControlAnnouncement)}\n`;
  writeFileAtomic(path, text, PRIVATE_MODE);
  return () => {
    if (readTextFile(path) === text) rmSync(path, { force: true });
  };
}

/** Null when no gateway has announced itself, or the one that did is gone. */
export function readAnnouncement(dataDir: string): ControlAnnouncement | null {
  const text = readTextFile(join(dataDir, 'control.json'));
  if (text === null) return null;
  const announcement = JSON.parse(text) as ControlAnnouncement;
  return isRunning(announcement.pid) ? announcement : null;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
