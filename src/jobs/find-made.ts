/**
 * Finds out whether a job was made whose creation nobody saw the answer of: the process died, or the connection broke. Asks the account
 * for its newest jobs and takes the only one that could be it and is in nobody's books. Primary only.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobRow } from '#store/job-row.ts';
import type { JobStatus } from './job-status.ts';
import type { JobTools } from './job-tools.ts';
import type { MediaAccount } from './media-account.ts';

/** An upstream may list a job a moment after it has taken it. */
const LOOKS = 3;
/** Clocks differ. */
const SKEW_SECONDS = 60;

/** `unknown`: the account does not list its jobs, several could be this one, or the one that could may be another's. */
export type Made = { upstreamId: string } | 'not made' | 'unknown';

export async function findMade(tools: JobTools, account: MediaAccount, job: JobRow): Promise<Made> {
  let doubtful = false;
  for (let look = 0; look < LOOKS; look++) {
    if (look > 0) await sleep(tools.config.sora.pollMs, undefined, { signal: tools.halt });
    const listed = await account.listVideos(tools.halt);
    if (listed === null) return 'unknown';
    const fitting = listed.filter((status) => fits(status, job));
    const ids = fitting.map(({ id }) => id);
    // In this order: a twin whose making ends meanwhile is then among the known.
    const twins = ids.length === 0 ? 0 : await tools.store.twins(job);
    const known = ids.length === 0 ? new Set<string>() : await tools.store.known(job.accountId, ids);
    const strangers = ids.filter((id) => !known.has(id));
    if (strangers.length > 1) return 'unknown';
    if (strangers.length === 1 && twins === 0) return { upstreamId: strangers[0]! };
    doubtful = strangers.length === 1;
  }
  return doubtful ? 'unknown' : 'not made';
}

function fits(status: JobStatus, job: JobRow): boolean {
  if (status.id === '' || status.createdAt < job.createdAtMs / 1000 - SKEW_SECONDS) return false;
  if (status.prompt !== null && status.prompt !== job.prompt) return false;
  const said = (value: string, expected: string): boolean => value === '' || value === expected;
  return (
    said(status.model, job.upstreamModel) && said(status.seconds, String(job.seconds)) && said(status.size, job.size)
  );
}
