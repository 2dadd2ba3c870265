/**
 * Joins the media jobs with the rest of primary: the database, the shared tables in the jobs' name, the accounts of the newest snapshot, the
 * usage-writer, the fronts. No rule of its own. Primary only.
 */
import { createHash } from 'node:crypto';
import { Agent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { readMediaName } from '#auth/media-link.ts';
import type { Logger } from '#base/logger.ts';
import type { Config } from '#config/schema.ts';
import type { ControlJobs } from '#control/context.ts';
import type { FoundMedia } from '#edge/media-ties.ts';
import { JobDesk } from '#jobs/job-desk.ts';
import type { JobTables } from '#jobs/job-tools.ts';
import { type Agents, contentPath } from '#jobs/media-account.ts';
import { pinAddress } from '#jobs/pin-address.ts';
import { JobFigures } from '#meter/job-figures.ts';
import { makeTarget } from '#relay/target.ts';
import { changeJob } from '#store/change-job.ts';
import type { Database } from '#store/database.ts';
import { findJobMedia } from '#store/find-job-media.ts';
import { insertJob } from '#store/insert-job.ts';
import { isJobCharged } from '#store/is-job-charged.ts';
import { knownUpstreamJobs } from '#store/known-upstream-jobs.ts';
import { loadUserLimits } from '#store/load-user-limits.ts';
import { openJobs } from '#store/open-jobs.ts';
import { purgeJobs } from '#store/purge-jobs.ts';
import { twinJobs } from '#store/twin-jobs.ts';
import type { UsageRecord } from '#usage/record.ts';
import type { JobNews } from '#wire/media-job.ts';
import type { CatalogKeeper } from './catalog-keeper.ts';
import type { FrontCrew } from './front-crew.ts';
import type { PrimaryTables } from './primary-tables.ts';
import type { FrontToPrimary, SnapshotAccount } from './protocol.ts';
import { seatUsers } from './seat-users.ts';

export interface MediaJobsParts {
  config: Config;
  log: Logger;
  database: Database;
  tables: PrimaryTables;
  keeper: CatalogKeeper;
  crew: FrontCrew;
  /** Signs links; the jobs of a data folder are told from others' by it. */
  linkKey: string;
  append(record: UsageRecord): Promise<boolean>;
  flush(): Promise<void>;
  alarm(text: string): void;
}

export class MediaJobs {
  readonly #parts: MediaJobsParts;
  readonly #desk: JobDesk;
  readonly #figures = new JobFigures();

  constructor(parts: MediaJobsParts) {
    this.#parts = parts;
    this.#desk = makeJobDesk(parts, this.#figures);
  }

  receive(front: number, ask: Extract<FrontToPrimary, { type: 'job' | 'jobLeft' | 'findMedia' }>): void {
    if (ask.type === 'job') this.#desk.begin(front, ask.order);
    else if (ask.type === 'jobLeft') this.#desk.left(ask.id);
    else void this.#findMedia(front, ask.id, ask.name);
  }

  /** For the metrics page. */
  seen(): ControlJobs {
    return { open: this.#desk.open(), figures: this.#figures };
  }

  frontGone(front: number): void {
    this.#desk.frontGone(front);
  }

  /** What processes that have ended left open is taken up. Rejects while PostgreSQL does not answer. */
  adopt(): Promise<void> {
    return this.#desk.adopt();
  }

  /** The same, for as long as it takes. */
  adoptSurely(): Promise<void> {
    return this.#desk.adoptSurely();
  }

  purge(): void {
    purgeJobs(this.#parts.database, this.#parts.config.sora.keepDays).catch((error: Error) =>
      this.#parts.log.warn({ error: error.message }, 'old media jobs could not be forgotten'),
    );
  }

  close(boundMs: number): Promise<void> {
    return this.#desk.close(boundMs);
  }

  /** A front asks which account has what a job made. */
  async #findMedia(front: number, id: number, name: string): Promise<void> {
    const { crew, log } = this.#parts;
    try {
      crew.tell(front, { type: 'mediaFound', id, found: await this.#locate(name) });
    } catch (error) {
      log.warn({ media: name, error: (error as Error).message }, 'media could not be looked up');
      crew.tell(front, { type: 'mediaFound', id, found: 'unavailable' });
    }
  }

  async #locate(name: string): Promise<FoundMedia> {
    const named = readMediaName(name);
    const media = named === null ? null : await findJobMedia(this.#parts.database, named.jobId);
    const account = media === null ? undefined : this.#parts.keeper.account(media.accountId);
    if (media === null || account === undefined) return null;
    if (media.kind === 'image') return await this.#locatePicture(account, media.urls[named!.index] ?? '');
    return { accountId: account.id, path: contentPath(account, media.upstreamId!), host: null };
  }

  /** Wherever the account has put it, but for what only this machine can reach; its own origin is trusted as it is. */
  async #locatePicture(account: SnapshotAccount, address: string): Promise<FoundMedia> {
    const url = URL.parse(address);
    if (url === null) return null;
    const isOwn = url.origin === makeTarget(account).origin;
    const { fetchPrivate, imageFetchMs } = this.#parts.config.sora;
    const pinned = await pinAddress(url, isOwn || fetchPrivate, AbortSignal.timeout(imageFetchMs));
    if ('reason' in pinned) return null;
    const host = { origin: url.origin, address: pinned.address, ca: isOwn ? account.ca : null };
    return { accountId: account.id, path: url.pathname + url.search, host };
  }
}

function makeJobDesk(parts: MediaJobsParts, figures: JobFigures): JobDesk {
  const { config, log, database, append, flush, alarm } = parts;
  const { createTimeoutMs, pollTimeoutMs, connections, madeBytesMax } = config.sora;
  const agent = { keepAlive: true, maxSockets: connections, maxFreeSockets: 4 };
  const makeAgents = (): Agents => ({ http: new Agent(agent), https: new TlsAgent(agent) });
  const bounded = <T>(answer: Promise<T>): Promise<T> => inTime(answer, config.database.connectTimeoutMs);
  const home = createHash('sha256').update(`home\n${parts.linkKey}`).digest('hex').slice(0, 16);
  return new JobDesk({
    config,
    log,
    figures,
    store: {
      insert: (job) => bounded(insertJob(database, home, job)),
      change: (job, error) => bounded(changeJob(database, job, error)),
      open: () => bounded(openJobs(database, home)),
      isCharged: (job) => bounded(isJobCharged(database, job)),
      twins: (job) => bounded(twinJobs(database, job)),
      known: (accountId, ids) => bounded(knownUpstreamJobs(database, accountId, ids)),
    },
    tables: jobTables(parts),
    rules: {
      agents: { POST: makeAgents(), GET: makeAgents() },
      createTimeoutMs,
      pollTimeoutMs,
      // Base64, and what is around it.
      pictureBytesMax: Math.ceil((madeBytesMax * 4) / 3) + 65_536,
    },
    account: (id) => parts.keeper.account(id),
    append,
    flush,
    tell: (front, news: JobNews) => parts.crew.tell(front, { type: 'job', news }),
    alarm,
  });
}

function jobTables({ tables, database }: MediaJobsParts): JobTables {
  const { users, accounts, jobs } = tables;
  return {
    ...jobs,
    health: accounts.health,
    userRow: (userId) => users.rows.find(userId)?.row,
    accountRow: (accountId) => accounts.rows.find(accountId)?.row,
    seatUsers: (userIds) => seatUsers(users, userIds, (ids) => loadUserLimits(database, ids)),
    committed: (row, nanoUsd) => users.balances.commitUnbooked(row, nanoUsd),
  };
}

/** A PostgreSQL that stands still answers nothing, and breaks nothing off; a statement that comes through late does no harm (`change-job.ts`). */
async function inTime<T>(answer: Promise<T>, boundMs: number): Promise<T> {
  const timer = new AbortController();
  const late = sleep(boundMs, undefined, { signal: timer.signal }).then(
    () => Promise.reject(new Error(`PostgreSQL has not answered within ${boundMs} ms`)),
    () => new Promise<never>(() => {}),
  );
  answer.catch(() => {});
  return await Promise.race([answer, late]).finally(() => timer.abort());
}
