/**
 * Remembers the gateway process of a data folder, because it may outlive a killed supervisor: it then finishes its streams and
 * writes its last records, and a second one on the same journal meanwhile would be wrong.
 *
 *   <data folder>/gateway.pid   {"pid", "startTime"}
 *
 * Supervisor process only.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { processStartTime } from '#base/process-identity.ts';
import type { SuperviseLog } from './supervise-log.ts';

const POLL_MS = 20;

export function rememberGateway(dataDir: string, pid: number): void {
  const partial = `${pathIn(dataDir)}.partial`;
  writeFileSync(partial, `${JSON.stringify({ pid, startTime: processStartTime(pid) })}\n`);
  renameSync(partial, pathIn(dataDir));
}

export function forgetGateway(dataDir: string): void {
  rmSync(pathIn(dataDir), { force: true });
}

/** Waits for the gateway process that an earlier supervisor left; after `waitMs` it is killed. Its records are in the journal. */
export async function outwaitOrphan(dataDir: string, waitMs: number, log: SuperviseLog): Promise<void> {
  const orphan = readOrphan(dataDir);
  if (orphan === null) return;
  const alive = () => processStartTime(orphan.pid) === orphan.startTime;
  if (alive())
    log.warn(`Waiting for gateway process ${orphan.pid}, left by a killed supervisor, to finish its streams`);
  const deadline = Date.now() + waitMs;
  while (alive()) {
    if (Date.now() > deadline) process.kill(orphan.pid, 'SIGKILL');
    await sleep(POLL_MS);
  }
  forgetGateway(dataDir);
}

function readOrphan(dataDir: string): { pid: number; startTime: string } | null {
  try {
    const { pid, startTime } = JSON.parse(readFileSync(pathIn(dataDir), 'utf8')) as Record<string, unknown>;
    return typeof pid === 'number' && typeof startTime === 'string' ? { pid, startTime } : null;
  } catch {
    return null;
  }
}

function pathIn(dataDir: string): string {
  return join(dataDir, 'gateway.pid');
}
