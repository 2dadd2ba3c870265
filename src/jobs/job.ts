/**
 * One media job, from the front's order to its charge. Its row in PostgreSQL is written before each step that costs money:
 *
 *   row `creating` ─► asked of an account ─► row `running` with the upstream's id ─► polled ─► journal: usage record ─► row `charged`
 *        (account by account, until one takes it)                                      └─► row `failed`, nothing is charged
 *
 * The record's id is the job's: however often a process that took over writes it, it becomes one row and one debit. The user's money is
 * set aside until that debit is in PostgreSQL; both places until the upstream has ended. Nobody need listen. Primary only.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { assert } from '#base/assert.ts';
import { Backoff } from '#base/backoff.ts';
import { wallMs } from '#base/clock.ts';
import type { FailureCode } from '#failure/registry.ts';
import { JOB_OUTCOMES, type JobOutcome } from '#meter/job-figures.ts';
import type { JobRow, JobState } from '#store/job-row.ts';
import type { UsageRecord } from '#usage/record.ts';
import type { JobNews, JobOrder } from '#wire/media-job.ts';
import { createJob, type JobFailure, noteMade } from './create-job.ts';
import { findMade, type Made } from './find-made.ts';
import { JobHold } from './job-hold.ts';
import { jobRecord, unknownRecord } from './job-record.ts';
import { type JobStatus, readJobStatus } from './job-status.ts';
import type { JobTools } from './job-tools.ts';
import { MediaAccount, parse } from './media-account.ts';

const RETRY_MIN_MS = 200;
const RETRY_MAX_MS = 10_000;
/** One that is taken up again gets this long at least. */
const GRACE_MS = 60_000;
/** Polls in a row that say that there is no such job. */
const GONE_POLLS = 3;

export class Job {
  readonly row: JobRow;
  /** Who is told; −1: nobody listens any more. */
  front: number;
  readonly #tools: JobTools;
  readonly #hold: JobHold;
  readonly #onEnd: () => void;
  #percent = -1;
  #untilMs: number;

  /** What `row` stands for is held in the name of the jobs. `onEnd`: the upstream has ended; before anybody is told. */
  constructor(tools: JobTools, row: JobRow, front: number, onEnd: () => void) {
    this.#tools = tools;
    this.row = row;
    this.front = front;
    this.#onEnd = onEnd;
    this.#hold = new JobHold(tools.tables, row);
    this.#untilMs = row.createdAtMs + tools.config.sora.deadlineMs;
  }

  /**
   * A new one, whose picture, if it has one, is there; the order has it no more when no account will be asked any more. `onAsked`: by then
   * that is written down. Resolves when the job has ended; rejects when the process ends first.
   */
  async run(order: JobOrder, onAsked: () => void): Promise<void> {
    const failure = await createJob({ tools: this.#tools, row: this.row, hold: this.#hold, order });
    order.image = null;
    if (failure !== null) return await this.#fail(failure);
    this.#tools.figures.created[order.kind]++;
    if (order.kind === 'image') return await this.#succeed();
    await this.#keep();
    onAsked();
    this.#tell({ type: 'jobCreated', id: this.row.id });
    await this.#follow();
  }

  /** One that a process before has left. */
  async resume(): Promise<void> {
    const { row } = this;
    this.#untilMs = Math.max(this.#untilMs, wallMs() + GRACE_MS);
    if (row.state === 'succeeded') return await this.#succeed();
    if (row.state === 'creating') {
      const made = await (row.kind === 'image' ? this.#findCharge() : this.#findOut());
      if (made === 'charged') return await this.#succeed();
      if (typeof made === 'string') return await this.#notMade(made);
      noteMade(row, made.upstreamId);
      this.#tools.figures.created[row.kind]++;
      await this.#keep();
    }
    await this.#follow();
  }

  /** Ends it before anything was asked of an upstream or written down. */
  refuse(code: FailureCode, detail = '', retryAfterSeconds = 0): void {
    this.#givePlacesBack();
    this.#hold.freeMoney(false);
    this.#tell({ type: 'jobFailed', id: this.row.id, code, detail, retryAfterSeconds });
  }

  // ── found again ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** After a restart. Tries until the account answers, or the deadline has passed. */
  async #findOut(): Promise<Made> {
    const pauses = new Backoff(RETRY_MIN_MS, RETRY_MAX_MS);
    while (wallMs() < this.#untilMs) {
      try {
        const account = this.#account();
        if (account !== null) return await findMade(this.#tools, account, this.row);
      } catch {
        // Asked again.
      }
      await this.#pause(pauses.nextMs());
    }
    return 'unknown';
  }

  /** A picture is made in one request, and no list tells of it: only its charge would say that it was. */
  async #findCharge(): Promise<'charged' | 'unknown'> {
    return await this.#forever('whether a media job is charged is not known', async () => {
      await this.#tools.flush();
      return (await this.#tools.store.isCharged(this.row)) ? 'charged' : 'unknown';
    });
  }

  async #notMade(made: Extract<Made, string>): Promise<void> {
    const detail = 'The gateway was restarted while it was begun.';
    if (made === 'unknown') return await this.#fail({ state: 'unknown', code: 'unknown_outcome', detail });
    await this.#fail({ state: 'lost', code: 'job_failed', detail });
  }

  // ── following ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

  async #follow(): Promise<void> {
    const { pollMs } = this.#tools.config.sora;
    const pauses = new Backoff(2 * pollMs, Math.max(RETRY_MAX_MS, 2 * pollMs));
    let waitMs = jittered(pollMs);
    let gone = 0;
    while (wallMs() < this.#untilMs) {
      await this.#pause(waitMs);
      const status = await this.#poll();
      gone = status === 'gone' ? gone + 1 : 0;
      if (gone === GONE_POLLS) return await this.#fail({ state: 'failed', code: 'job_failed', detail: 'It is gone.' });
      if (typeof status === 'string') {
        waitMs = pauses.nextMs();
        continue;
      }
      pauses.reset();
      waitMs = jittered(pollMs);
      const { state, error, url, percent } = status;
      if (state === 'failed') return await this.#fail({ state, code: 'job_failed', detail: error });
      if (state === 'cancelled') return await this.#fail({ state, code: 'job_cancelled', detail: error });
      if (state === 'completed') {
        this.row.urls = url === null ? [] : [url];
        return await this.#succeed();
      }
      this.#progress(percent);
    }
    await this.#fail({ state: 'failed', code: 'job_timeout', detail: '' });
  }

  /** `away`: asked in vain. */
  async #poll(): Promise<JobStatus | 'gone' | 'away'> {
    const status = await this.#ask();
    this.#tools.figures.polls[typeof status === 'string' ? status : 'told']++;
    return status;
  }

  async #ask(): Promise<JobStatus | 'gone' | 'away'> {
    const { halt } = this.#tools;
    try {
      const answer = await this.#account()?.poll(this.row.upstreamId!, halt);
      if (answer?.status === 404) return 'gone';
      return answer?.status === 200 && parse(answer.body) !== null ? readJobStatus(parse(answer.body)) : 'away';
    } catch {
      halt.throwIfAborted();
      return 'away';
    }
  }

  #progress(percent: number): void {
    if (percent <= this.#percent) return;
    this.#percent = percent;
    this.#tell({ type: 'jobProgress', id: this.row.id, percent });
  }

  // ── the end ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

  async #succeed(): Promise<void> {
    const { row } = this;
    const { urls } = row;
    this.#givePlacesBack();
    row.state = 'succeeded';
    // Pictures would make the table large; whoever asked gets them.
    row.urls = urls.map((url) => (url.startsWith('data:') ? '' : url));
    // PostgreSQL may be away: then the journal alone knows, and a process that takes over finds the job running, and done.
    const written = await this.#tryKeep();
    await this.#record(jobRecord(row, wallMs()));
    this.#tell({ type: 'jobDone', id: row.id, result: { kind: row.kind, urls } });
    if (!written) await this.#keep();
    await this.#forever('the charge of a media job is not in PostgreSQL', () => this.#tools.flush());
    this.#hold.freeMoney(true);
    row.state = 'charged';
    this.#tools.figures.chargedNanoUsd += row.chargedNanoUsd;
    this.#ended('completed');
    await this.#keep();
  }

  /** Its id is the job's: however often it is written, it becomes one row. */
  async #record(record: UsageRecord): Promise<void> {
    await this.#forever('the record of a media job is not in the journal', async () => {
      if (!(await this.#tools.append(record))) throw new Error('the disk takes nothing');
    });
  }

  async #fail({ state, code, detail }: JobFailure): Promise<void> {
    const { row } = this;
    row.state = state;
    this.#givePlacesBack();
    this.#hold.freeMoney(false);
    this.#ended(code === 'job_timeout' ? 'expired' : outcomeOf(state));
    this.#tell({ type: 'jobFailed', id: row.id, code, detail, retryAfterSeconds: 0 });
    if (state === 'unknown')
      this.#tools.alarm(
        `media job ${row.id}: whether its account has made it could not be found out; it is not charged`,
      );
    this.#tools.log.warn({ job: row.id, state, code, detail, account: row.accountId }, 'a media job failed');
    if (state === 'unknown') await this.#record(unknownRecord(row, wallMs()));
    // One that was never written down has no row to change, which is as well.
    await this.#keep(`${code} ${detail}`.trim());
  }

  #givePlacesBack(): void {
    this.#hold.givePlacesBack();
    this.#onEnd();
  }

  #ended(outcome: JobOutcome): void {
    this.#tools.figures.end(outcome, Math.max(0, wallMs() - this.row.createdAtMs));
  }

  #tell(news: JobNews): void {
    if (this.front >= 0) this.#tools.tell(this.front, news);
  }

  #account(): MediaAccount | null {
    const account = this.#tools.account(this.row.accountId);
    return account === undefined ? null : new MediaAccount(account, this.#tools.rules);
  }

  #pause(ms: number): Promise<void> {
    return sleep(ms, undefined, { signal: this.#tools.halt });
  }

  async #tryKeep(): Promise<boolean> {
    return await this.#tools.store.change(this.row).then(
      () => true,
      () => false,
    );
  }

  #keep(error = ''): Promise<void> {
    return this.#forever('a media job could not be written down', () => this.#tools.store.change(this.row, error));
  }

  /** PostgreSQL or the disk may be away for long. */
  async #forever<Result>(what: string, act: () => Promise<Result>): Promise<Result> {
    const pauses = new Backoff(RETRY_MIN_MS, RETRY_MAX_MS);
    for (;;) {
      try {
        return await act();
      } catch (error) {
        this.#tools.halt.throwIfAborted();
        this.#tools.log.warn({ job: this.row.id, error: (error as Error).message }, what);
        await this.#pause(pauses.nextMs());
      }
    }
  }
}

function outcomeOf(state: JobState): JobOutcome {
  const name = JOB_OUTCOMES.find((outcome) => outcome === state);
  assert(name !== undefined, 'a job ends in a state that is no end');
  return name;
}

/** Jobs that began together are not asked for together. */
function jittered(ms: number): number {
  return ms * (0.75 + Math.random() / 2);
}
