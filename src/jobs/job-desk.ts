/**
 * The media jobs of a gateway process: takes orders of fronts, takes up what a process before has left, tells fronts how jobs go, ends in
 * order. Bounded by `sora.jobsMax` jobs, as many again that have ended and are being written down, and `sora.imageBytesTotal` bytes of
 * pictures. Primary only.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { JobRow, JobState, OpenJobState } from '#store/job-row.ts';
import type { JobOrder } from '#wire/media-job.ts';
import { fetchReference } from './fetch-reference.ts';
import { Job } from './job.ts';
import type { JobTools } from './job-tools.ts';

const RETRY_MS = 1000;

export class JobDesk {
  readonly #tools: JobTools;
  readonly #end: { halt: AbortController; cut: AbortController };
  readonly #jobs = new Map<string, Job>();
  /** Those of them that have not ended: whoever was told of an end finds its place free. */
  readonly #underWay = new Set<string>();
  readonly #running = new Set<Promise<void>>();
  #creating = 0;
  #imageBytes = 0;

  constructor(tools: Omit<JobTools, 'halt' | 'cut'>) {
    this.#end = { halt: new AbortController(), cut: new AbortController() };
    this.#tools = { ...tools, halt: this.#end.halt.signal, cut: this.#end.cut.signal };
  }

  /** Jobs under way, by how far they are. */
  open(): Record<OpenJobState, number> {
    const open: Record<OpenJobState, number> = { creating: 0, running: 0, succeeded: 0 };
    for (const { row } of this.#jobs.values()) if (isOpen(row.state)) open[row.state]++;
    return open;
  }

  /** What the order stands for has been passed on to the jobs by the front. */
  begin(front: number, order: JobOrder): void {
    const job = this.#job(newRow(order), front);
    let room = roomFor(order, this.#tools.config.sora);
    if (!this.#hasPlace() || !this.#takeRoom(room)) return job.refuse('jobs_exhausted');
    this.#creating++;
    this.#start(job, async () => {
      let creating = true;
      const created = (): void => {
        if (!creating) return;
        creating = false;
        this.#creating--;
        this.#imageBytes -= room;
      };
      try {
        const reason = await this.#fetchPicture(order);
        if (reason !== null) return job.refuse('media_unreadable', reason);
        const unused = order.image === null ? 0 : room - roomFor(order, this.#tools.config.sora);
        room -= unused;
        this.#imageBytes -= unused;
        await job.run(order, created);
      } finally {
        created();
      }
    });
  }

  /** Its client has left: the job goes on. */
  left(id: string): void {
    const job = this.#jobs.get(id);
    if (job !== undefined) job.front = -1;
  }

  frontGone(front: number): void {
    for (const job of this.#jobs.values()) if (job.front === front) job.front = -1;
  }

  /** Takes up what processes that have ended left open; resolves once all of it is held again. Rejects while PostgreSQL does not answer. */
  async adopt(): Promise<void> {
    const mine = new Set(this.#jobs.keys());
    const rows = (await this.#tools.store.open()).filter(({ id }) => !mine.has(id) && !this.#jobs.has(id));
    if (rows.length === 0) return;
    const { tables, log } = this.#tools;
    await tables.seatUsers([...new Set(rows.map(({ userId }) => userId))]);
    for (const row of rows) {
      const userRow = tables.userRow(row.userId);
      if (userRow === undefined) {
        log.error({ job: row.id }, 'a media job waits for the next start: the table of users is full (limits.users)');
        continue;
      }
      tables.ledger.setAside(userRow, row.chargedNanoUsd);
      tables.userSlots.hold(userRow, 1);
      const accountRow = tables.accountRow(row.accountId);
      if (accountRow !== undefined) tables.accountSlots.hold(accountRow, 1);
      const job = this.#job(row, -1);
      this.#start(job, () => job.resume());
    }
    log.info({ jobs: rows.length }, 'media jobs of an earlier process are taken up');
  }

  /** The same, for as long as it takes. */
  async adoptSurely(): Promise<void> {
    const { halt, log } = this.#tools;
    while (!halt.aborted) {
      try {
        return await this.adopt();
      } catch (error) {
        log.warn({ error: (error as Error).message }, 'media jobs of the process before: not yet, trying again');
        await sleep(RETRY_MS, undefined, { signal: halt }).catch(() => {});
      }
    }
  }

  /** Once no front is there any more. Open jobs stay in PostgreSQL; requests that make one may end within the bound. */
  async close(boundMs: number): Promise<void> {
    const endMs = performance.now() + boundMs;
    while (this.#creating > 0 && performance.now() < endMs) await sleep(20);
    this.#end.halt.abort();
    this.#end.cut.abort();
    await Promise.all(this.#running);
    for (const { http, https } of Object.values(this.#tools.rules.agents)) {
      http.destroy();
      https.destroy();
    }
  }

  #job(row: JobRow, front: number): Job {
    return new Job(this.#tools, row, front, () => this.#underWay.delete(row.id));
  }

  #hasPlace(): boolean {
    const { jobsMax } = this.#tools.config.sora;
    return this.#underWay.size < jobsMax && this.#jobs.size < 2 * jobsMax;
  }

  #start(job: Job, act: () => Promise<void>): void {
    this.#jobs.set(job.row.id, job);
    this.#underWay.add(job.row.id);
    const running = act()
      .catch((error: Error) => {
        if (this.#end.halt.signal.aborted) return;
        this.#tools.log.error(
          { err: error, job: job.row.id },
          'a media job broke off; it is taken up at the next start',
        );
      })
      .finally(() => {
        this.#jobs.delete(job.row.id);
        this.#underWay.delete(job.row.id);
        this.#running.delete(running);
      });
    this.#running.add(running);
  }

  /** Null: it is there, if there is to be one; otherwise why it is not, for the client. */
  async #fetchPicture(order: JobOrder): Promise<string | null> {
    if (order.image === null || 'bytes' in order.image) return null;
    const { fetchPrivate, imageBytesMax, imageFetchMs } = this.#tools.config.sora;
    const rules = { fetchPrivate, bytesMax: imageBytesMax, timeoutMs: imageFetchMs };
    const fetched = await fetchReference(order.image.url, rules, this.#tools.cut);
    if ('reason' in fetched) return fetched.reason;
    order.image = fetched;
    return null;
  }

  #takeRoom(bytes: number): boolean {
    if (this.#imageBytes + bytes > this.#tools.config.sora.imageBytesTotal) return false;
    this.#imageBytes += bytes;
    return true;
  }
}

function isOpen(state: JobState): state is OpenJobState {
  return state === 'creating' || state === 'running' || state === 'succeeded';
}

/** A picture that is not there yet may be as large as any. */
function roomFor({ kind, image }: JobOrder, bounds: { imageBytesMax: number; madeBytesMax: number }): number {
  if (image !== null && 'bytes' in image) return image.bytes.byteLength;
  if (image !== null) return bounds.imageBytesMax;
  return kind === 'image' ? bounds.madeBytesMax : 0;
}

function newRow(order: JobOrder): JobRow {
  return {
    id: order.id,
    createdAtMs: order.createdAtMs,
    state: 'creating',
    kind: order.kind,
    userId: order.userId,
    keyId: order.keyId,
    groupId: order.groupId,
    accountId: order.accounts[0]!,
    upstreamId: null,
    model: order.model,
    upstreamModel: order.upstreamModel,
    prompt: order.prompt,
    size: order.size,
    seconds: order.seconds,
    stream: order.stream,
    costNanoUsd: order.costNanoUsd,
    chargedNanoUsd: order.chargedNanoUsd,
    multiplierMicros: order.multiplierMicros,
    attempts: 1,
    queueMs: order.queueMs,
    clientRequestId: order.clientRequestId,
    urls: [],
  };
}
