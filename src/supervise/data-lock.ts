/**
 * The lock of a data folder: one supervisor at a time. Two gateways would share a port silently (SO_REUSEPORT) and write one
 * journal twice, so a second start is refused and names the holder.
 *
 * The file `lock` holds `{"pid", "startTime", "nonce"}`; it is live while that very process lives, so a crash leaves a stale one.
 *
 *   take(name):  link(own file, name)            atomic: one winner
 *                exists, holder lives  ──►       refused
 *                exists, holder dead   ──►       take(name.over.<hash of the dead content>), recursively
 *                                                still the same dead content? rename(own file, name)
 *                                                give the takeover right back
 *
 * Only the holder of the takeover right of a content may replace that content, and contents never repeat (nonce). So two starters
 * that both saw the same dead holder cannot remove each other's fresh lock.
 *
 * Supervisor process only. The processes must see each other's pids: not across containers or hosts.
 */
import { createHash, randomBytes } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StartupError } from '#base/startup-error.ts';
import { processStartTime } from './process-identity.ts';

export interface DataLock {
  /** Removes the lock if it is still ours. May be called twice. */
  release(): void;
}

interface Holder {
  readonly pid: number;
  readonly startTime: string;
  readonly nonce: string;
}

const TRIES_MAX = 1_000;

/** Locks an existing folder for this process. Throws StartupError when a live process holds it. */
export function lockDataFolder(dataDir: string): DataLock {
  const path = join(dataDir, 'lock');
  const holder: Holder = {
    pid: process.pid,
    startTime: processStartTime(process.pid) ?? '',
    nonce: randomBytes(8).toString('hex'),
  };
  const content = `${JSON.stringify(holder)}\n`;
  const own = `${path}.${holder.nonce}`;
  writeFileSync(own, content, { mode: 0o644, flag: 'wx' });
  try {
    const live = take(path, own);
    if (live !== null) {
      throw new StartupError(
        `The data folder ${dataDir} is in use by process ${live.pid}: stop that one or use another folder`,
      );
    }
  } finally {
    rmSync(own, { force: true });
  }
  return {
    release() {
      if (read(path) === content) rmSync(path, { force: true });
    },
  };
}

/** Null when the lock `path` is ours now, else its live holder. */
function take(path: string, own: string): Holder | null {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    if (tryLink(own, path)) return null;
    const content = read(path);
    if (content === null) continue;
    const holder = parse(content);
    if (holder !== null && processStartTime(holder.pid) === holder.startTime) return holder;
    const right = `${path}.over.${createHash('sha256').update(content).digest('hex').slice(0, 16)}`;
    const rival = take(right, own);
    if (rival !== null) {
      pause();
      continue;
    }
    try {
      if (read(path) !== content) continue;
      linkSync(own, `${own}.move`);
      renameSync(`${own}.move`, path);
      return null;
    } finally {
      rmSync(right, { force: true });
    }
  }
  throw new StartupError(`The lock ${path} changes hands all the time: remove it when no gateway runs on this folder`);
}

function tryLink(own: string, path: string): boolean {
  try {
    linkSync(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Null for anything that we did not write: nobody alive can be meant by it. */
function parse(content: string): Holder | null {
  try {
    const { pid, startTime, nonce } = JSON.parse(content) as Partial<Holder>;
    return typeof pid === 'number' && typeof startTime === 'string' && typeof nonce === 'string'
      ? { pid, startTime, nonce }
      : null;
  } catch {
    return null;
  }
}

/** A rival is replacing the dead lock: a matter of microseconds. Blocks, which boot may. */
function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
}
