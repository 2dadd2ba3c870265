/**
 * Asks accounts to take a media job, one after the other, until one does. The row is in PostgreSQL before each request. Another account is
 * asked only when it is certain that the one before has made nothing: after an answer that says so, or when its list of jobs does not have
 * it. The answer of a proxy that has waited in vain says nothing. Primary only.
 */
import { nowMs, wallMs } from '#base/clock.ts';
import { hashModel } from '#coordinate/local/account-health.ts';
import type { FailureCode } from '#failure/registry.ts';
import type { JobRow, JobState } from '#store/job-row.ts';
import type { JobOrder } from '#wire/media-job.ts';
import { findMade, type Made } from './find-made.ts';
import type { HttpAnswer } from './http-call.ts';
import type { JobHold } from './job-hold.ts';
import { readJobStatus, readPictures } from './job-status.ts';
import type { JobTools } from './job-tools.ts';
import { type Judged, judgeAnswer, judgeFault, type Next, restAccount } from './judge-create.ts';
import { MediaAccount, parse } from './media-account.ts';

export interface JobFailure {
  state: JobState;
  code: FailureCode;
  detail: string;
}

interface Creation {
  tools: JobTools;
  row: JobRow;
  hold: JobHold;
  /** Its picture is there, not only an address. */
  order: JobOrder;
}

/** Null: an account has taken it, and the row says which, and the upstream's id or the pictures. Rejects when the process ends. */
export async function createJob(creation: Creation): Promise<JobFailure | null> {
  const { tools, row, hold, order } = creation;
  let failure: JobFailure = { state: 'refused', code: 'model_unknown', detail: '' };
  for (const [index, accountId] of order.accounts.entries()) {
    const account = turnTo(creation, accountId, index);
    if (account === null) continue;
    row.upstreamModel = account.modelFor(order.model, order.upstreamModel);
    if (!(await writeDown(tools, row, index))) return { state: 'refused', code: 'jobs_unavailable', detail: '' };
    const judged = await ask(creation, account);
    if (judged.kind === 'taken') return null;
    if (judged.kind === 'refused') return { state: 'refused', code: judged.code, detail: judged.detail };
    if (hold.accountRow >= 0)
      restAccount(tools.tables.health, hold.accountRow, order.model, judged.verdict, tools.config.rest);
    if (row.state === 'unknown') return { state: 'unknown', code: 'unknown_outcome', detail: '' };
    failure = { state: 'refused', code: judged.code, detail: '' };
  }
  return failure;
}

/** The first account's place is held already; of the others only one with a free place will do. */
function turnTo({ tools, row, hold }: Creation, accountId: number, index: number): MediaAccount | null {
  const { health } = tools.tables;
  const account = tools.account(accountId);
  if (account === undefined || account.status !== 'active') return null;
  if (index > 0) {
    const rests = health.restUntil(account.row, hashModel(row.model), nowMs()) > nowMs();
    if (rests || !hold.moveTo(account.row)) return null;
    row.accountId = accountId;
    row.attempts++;
  }
  health.markUsed(account.row, nowMs());
  return new MediaAccount(account, tools.rules);
}

async function writeDown({ store, log }: JobTools, row: JobRow, index: number): Promise<boolean> {
  try {
    await (index === 0 ? store.insert(row) : store.change(row));
    return true;
  } catch (error) {
    log.warn({ job: row.id, error: (error as Error).message }, 'a media job could not be written down');
    return false;
  }
}

async function ask(creation: Creation, account: MediaAccount): Promise<Judged> {
  const judged = await send(creation, account);
  if (judged.kind !== 'next' || !judged.inDoubt) return judged;
  const { tools, row, order } = creation;
  return order.kind === 'image' ? asUnknown(row, judged) : await doubt(tools, row, account, judged);
}

async function send({ tools, row, order }: Creation, account: MediaAccount): Promise<Judged> {
  const { cut, config, log } = tools;
  const isImage = order.kind === 'image';
  try {
    const answer = await (isImage
      ? account.makeImage(order, row.upstreamModel, cut)
      : account.createVideo(order, row.upstreamModel, cut));
    const judged = judgeAnswer(answer, config.rest, wallMs());
    if (judged.kind !== 'taken') return judged;
    return isImage ? takePictures(row, answer) : takeVideo(row, answer);
  } catch (error) {
    cut.throwIfAborted();
    log.warn({ job: row.id, error: (error as Error).message }, 'a media job was not created');
    return judgeFault(error as Error);
  }
}

function takePictures(row: JobRow, { body }: HttpAnswer): Judged {
  row.urls = readPictures(parse(body));
  return row.urls.length > 0 ? { kind: 'taken' } : judgeFault(new Error('no picture'));
}

function takeVideo(row: JobRow, { body }: HttpAnswer): Judged {
  const { id } = readJobStatus(parse(body));
  if (id === '') return judgeFault(new Error('no id'));
  noteMade(row, id);
  return { kind: 'taken' };
}

/** The account may have made it all the same. */
async function doubt(tools: JobTools, row: JobRow, account: MediaAccount, judged: Next): Promise<Judged> {
  const made = await findMade(tools, account, row).catch((): Made => 'unknown');
  if (made === 'not made') return judged;
  if (made === 'unknown') return asUnknown(row, judged);
  noteMade(row, made.upstreamId);
  return { kind: 'taken' };
}

function asUnknown(row: JobRow, judged: Next): Next {
  row.state = 'unknown';
  return judged;
}

export function noteMade(row: JobRow, upstreamId: string): void {
  row.upstreamId = upstreamId;
  row.state = 'running';
}
