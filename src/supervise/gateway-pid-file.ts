/**
 * Remembers the gateway processes of a data folder, because they may outlive a killed supervisor: they then finish their streams and
 * write their last records, and another one beside them would exceed limits that they know nothing of.
 *
 *   <data folder>/gateway.pid   {"pid", "startTime", "others": [{"pid", "startTime"}]}     the newest first; others during a reload
 *
 * Supervisor process only.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { processStartTime } from '#base/process-identity.ts';
import type { SuperviseLog } from './supervise-log.ts';

const POLL_MS = 20;
/** A start that waits says so this often. */
const PROGRESS_EVERY_MS = 5_000;

interface Remembered {
  pid: number;
  startTime: string;
}

/** Replaces what was remembered; with nobody the file goes. */
export function rememberGateways(dataDir: string, pids: readonly number[]): void {
  const [newest, ...others] = pids.map((pid) => ({ pid, startTime: processStartTime(pid) }));
  if (newest === undefined) return rmSync(pathIn(dataDir), { force: true });
  const partial = `${pathIn(dataDir)}.partial`;
  writeFileSync(partial, `${JSON.stringify({ ...newest, others })}\n`);
  renameSync(partial, pathIn(dataDir));
}

/** Waits for the gateway processes that an earlier supervisor left; after `waitMs` they are killed. Their records are in the journal. */
export async function outwaitOrphans(dataDir: string, waitMs: number, log: SuperviseLog): Promise<void> {
  const startMs = Date.now();
  let saidMs = Number.NEGATIVE_INFINITY;
  for (;;) {
    const alive = readOrphans(dataDir).filter(({ pid, startTime }) => processStartTime(pid) === startTime);
    if (alive.length === 0) break;
    const waitedMs = Date.now() - startMs;
    if (waitedMs - saidMs >= PROGRESS_EVERY_MS) {
      saidMs = waitedMs;
      log.warn(waitingLine(alive, waitedMs, waitMs));
    }
    if (waitedMs > waitMs) for (const { pid } of alive) process.kill(pid, 'SIGKILL');
    await sleep(POLL_MS);
  }
  rememberGateways(dataDir, []);
}

function waitingLine(alive: Remembered[], waitedMs: number, waitMs: number): string {
  const who = `gateway process ${alive.map(({ pid }) => pid).join(' and ')}`;
  const bound = `${Math.round(waitedMs / 1000)} s of at most ${Math.round(waitMs / 1000)} s`;
  return `Waiting for ${who}, left by a killed supervisor, to finish open answers and write the last records (${bound})`;
}

function readOrphans(dataDir: string): Remembered[] {
  try {
    const { others, ...newest } = JSON.parse(readFileSync(pathIn(dataDir), 'utf8')) as Record<string, unknown>;
    const all: unknown[] = [newest, ...(Array.isArray(others) ? others : [])];
    return all.filter(isRemembered);
  } catch {
    return [];
  }
}

function isRemembered(entry: unknown): entry is Remembered {
  const { pid, startTime } = Object(entry) as Record<string, unknown>;
  return typeof pid === 'number' && typeof startTime === 'string';
}

function pathIn(dataDir: string): string {
  return join(dataDir, 'gateway.pid');
}
