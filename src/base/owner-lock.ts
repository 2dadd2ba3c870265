/**
 * A lock file that belongs to a process, not to an open descriptor: it is live while that very process lives, so a crash leaves a
 * stale one that the next taker replaces. For things that one process at a time may touch: a data folder, a journal.
 *
 * The file holds `{"pid", "startTime", "nonce"}`.
 *
 *   take(name):  link(own file, name)            atomic: one winner
 *                exists, holder lives  ──►       refused
 *                exists, holder dead   ──►       take(name.over.<hash of the dead content>), recursively
 *                                                still the same dead content? rename(own file, name)
 *                                                give the takeover right back
 *
 * Only the holder of the takeover right of a content may replace that content, and contents never repeat (nonce). So two takers
 * that both saw the same dead holder cannot remove each other's fresh lock.
 *
 * The processes must see each other's pids: not across containers or hosts. Synchronous: boot and take-over paths only.
 */
import { createHash, randomBytes } from 'node:crypto';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { processStartTime } from './process-identity.ts';

export interface OwnerLock {
  /** Removes the lock if it is still ours. May be called twice. */
  release(): void;
}

/** Who holds a lock that could not be had. */
export interface LockHolder {
  readonly pid: number;
}

export interface OwnerLockOptions {
  /** A lock that this very process holds counts as dead: one of its threads left it behind. */
  readonly ownIsFree?: boolean;
}

interface Holder extends LockHolder {
  readonly startTime: string;
  readonly nonce: string;
}

const TRIES_MAX = 1_000;

/** The lock, or its live holder. Throws when the folder cannot be written, or when the lock changes hands all the time. */
export function takeOwnerLock(path: string, options: OwnerLockOptions = {}): OwnerLock | LockHolder {
  const holder: Holder = {
    pid: process.pid,
    startTime: processStartTime(process.pid) ?? '',
    nonce: randomBytes(8).toString('hex'),
  };
  const content = `${JSON.stringify(holder)}\n`;
  const own = `${path}.${holder.nonce}`;
  writeFileSync(own, content, { mode: 0o644, flag: 'wx' });
  try {
    const live = take(path, own, options.ownIsFree === true);
    if (live !== null) return { pid: live.pid };
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
function take(path: string, own: string, ownIsFree: boolean): Holder | null {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    if (tryLink(own, path)) return null;
    const content = read(path);
    if (content === null) continue;
    const holder = parse(content);
    if (holder !== null && lives(holder, ownIsFree)) return holder;
    const right = `${path}.over.${createHash('sha256').update(content).digest('hex').slice(0, 16)}`;
    const rival = take(right, own, false);
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
  throw new Error(`the lock ${path} changes hands all the time`);
}

function lives({ pid, startTime }: Holder, ownIsFree: boolean): boolean {
  if (ownIsFree && pid === process.pid) return false;
  return processStartTime(pid) === startTime;
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
