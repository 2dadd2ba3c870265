/**
 * Every message between the threads of the gateway process, all of them over dedicated MessagePorts (a worker's own `message`
 * event also carries the runtime's messages under `node --watch`). Plain data only.
 *
 *   primary ──► front         Snapshot, PrincipalAnswer, Counted, Job, Invalidate, Drain, …
 *   front   ──► primary       FrontReady, PrincipalLookup, Count, Job, SnapshotAck, FrontDrained, …
 *   primary ──► usage-writer  Flush, Append, FrontGone, Adopt, WriterDrain
 *   writer  ──► primary       WriterReady, FlushDone, FrontClosed, Adopted, WriterAlarm, …
 */
import type { MessagePort } from 'node:worker_threads';
import type { NoPrincipal, Principal } from '#auth/principal.ts';
import type { Config } from '#config/schema.ts';
import type { FoundMedia } from '#edge/media-ties.ts';
import type { SocketlessNews } from '#edge/socketless.ts';
import type { CatalogAccount, CatalogGroup } from '#store/load-catalog.ts';
import type { CountJob } from '#tokenizer/count-job.ts';
import type { Counted } from '#tokenizer/counting-pool.ts';
import type { UsageRecord } from '#usage/record.ts';
import type { JobNews, JobOrder } from '#wire/media-job.ts';
import type { PrimaryOptions } from './primary-options.ts';

/** Shared memory handed to every thread at its start; each block's layout is drawn in the module that owns it. */
export interface SharedBlocks {
  /** `coordinate/local/slot-table.ts` */
  userSlots: SharedArrayBuffer;
  accountSlots: SharedArrayBuffer;
  /** `coordinate/local/row-generations.ts` */
  userGenerations: SharedArrayBuffer;
  accountGenerations: SharedArrayBuffer;
  /** `coordinate/local/account-health.ts` */
  accountHealth: SharedArrayBuffer;
  /** `coordinate/local/affinity-table.ts` */
  affinity: SharedArrayBuffer;
  /** `coordinate/local/ledger.ts` */
  ledger: SharedArrayBuffer;
  /** `coordinate/local/doorbells.ts` */
  doorbells: SharedArrayBuffer;
  /** `coordinate/local/heartbeats.ts` */
  heartbeats: SharedArrayBuffer;
  /** `coordinate/local/ticket-board.ts` */
  tickets: SharedArrayBuffer;
  /** `coordinate/local/byte-budget.ts`: request bodies, and answers that wait for slow readers */
  bodyBudget: SharedArrayBuffer;
  streamBudget: SharedArrayBuffer;
  /** `meter/counters.ts`: one row a front, one for the writer */
  counters: SharedArrayBuffer;
  /** `usage/ring.ts`: one ring a front */
  usageRings: SharedArrayBuffer[];
  /** `coordinate/local/handover-word.ts`: primary → fronts */
  handover: SharedArrayBuffer;
  /** `usage/pressure.ts`: writer → fronts: refuse new work; journal bytes; last committed batch */
  usagePressure: SharedArrayBuffer;
}

export interface FrontData {
  index: number;
  config: Config;
  shared: SharedBlocks;
  port: MessagePort;
  /** Signs links to media. */
  linkKey: string;
}

export interface WriterData {
  config: Config;
  shared: SharedBlocks;
  port: MessagePort;
  /** PostgreSQL connection URL. */
  databaseUrl: string;
  /** Folder of the journal segments. */
  journalDir: string;
}

/**
 * `modelMap`: client's model name → upstream's; a name not in it goes as it is. `models`: models served, exact or with a trailing
 * `*`; null serves all.
 */
export interface SnapshotAccount extends CatalogAccount {
  /** Row in the shared account tables. */
  row: number;
}

/** The catalog as fronts see it: immutable, replaced as a whole, travels as msgpackr bytes. */
export interface Snapshot {
  version: number;
  groups: CatalogGroup[];
  accounts: SnapshotAccount[];
}

export type PrimaryToFront =
  | { type: 'snapshot'; version: number; bytes: Uint8Array }
  | { type: 'principal'; keyHash: string; found: Principal | NoPrincipal }
  /** Forget these cached keys (and what is known of their absence). Empty list: forget all. */
  | { type: 'invalidate'; keyHashes: string[] }
  /** Sent after the first snapshot; never port 0. */
  | { type: 'listen'; port: number }
  /**
   * No new connections, answers ask for a close, the thread ends when nothing is open any more or the deadline has passed. `final`:
   * further requests are refused; otherwise another process serves the port, and what still comes over open connections is served.
   */
  | { type: 'drain'; deadlineMs: number; final: boolean }
  /** The process that should have taken over has failed: listen again, forget a drain that was not final. */
  | { type: 'resume'; port: number }
  /** The answer to `borrow`. */
  | { type: 'borrowed'; id: number; granted: boolean }
  /** The answer to `count`. */
  | { type: 'counted'; id: number; counted: Counted }
  | { type: 'job'; news: JobNews }
  /** The answer to `findMedia`. */
  | { type: 'mediaFound'; id: number; found: FoundMedia }
  /** What a front has found out. */
  | SocketlessNews
  /** Forget what leads to these rows of the shared tables; answered with `rowsDropped`. */
  | { type: 'dropRows'; id: number; kind: 'users' | 'accounts'; rows: number[] }
  /** After `drained` or `failed`: the thread may end. */
  | { type: 'exit' };

export type FrontToPrimary =
  | { type: 'ready' }
  | { type: 'lookup'; keyHash: string }
  /** While handed over: money for one exchange, which the balance here does not cover. */
  | { type: 'borrow'; id: number; userRow: number; nanoUsd: bigint }
  /** Tokens of a text; the job's memory comes with it. Always answered. */
  | { type: 'count'; id: number; job: CountJob }
  /** What the front held for it is the jobs' already. `jobLeft`: nobody listens any more. */
  | { type: 'job'; order: JobOrder }
  | { type: 'jobLeft'; id: string }
  /** Which account has what a media job made. Always answered. */
  | { type: 'findMedia'; id: number; name: string }
  /** All fronts are to know. */
  | SocketlessNews
  | { type: 'snapshotAck'; version: number }
  /** `inUse`: those that an open exchange may still use; no other will. */
  | { type: 'rowsDropped'; id: number; inUse: number[] }
  /** The audit found that what this front holds is not what the shared tables say. */
  | { type: 'auditFailed'; differences: string[] }
  | { type: 'failed'; message: string }
  | { type: 'drained' };

export type PrimaryToWriter =
  /** Answered with `flushed` once every record that was in a ring before it is in PostgreSQL. */
  | { type: 'flush'; id: number }
  /** A record that no front makes; answered with `appended`. The same one may come again: it is one row. */
  | { type: 'append'; id: number; record: UsageRecord }
  /** A front has died: what it had open becomes rows. Answered with `frontClosed`. */
  | { type: 'frontGone'; front: number }
  /**
   * Other gateway processes may have ended: their journals are taken over. Answered with `adopted` once their rows are in PostgreSQL and
   * the balances of these users are told, or PostgreSQL is away.
   */
  | { type: 'adopt'; id: number; userIds: number[] }
  /** Drain rings, sync the journal, commit what PostgreSQL takes within the deadline, close, answer `drained`. */
  | { type: 'drain'; deadlineMs: number };

export type WriterToPrimary =
  /** Once what ended processes left is in PostgreSQL, or after `usage.replayWaitMs`; `replaying`: it goes on. */
  | { type: 'ready'; replayedRows: number; replaying: boolean }
  | { type: 'frontClosed'; front: number; rows: number }
  | { type: 'adopted'; id: number; replayedRows: number }
  /** `kept`: it is in the journal, on disk. */
  | { type: 'appended'; id: number; kept: boolean }
  | { type: 'flushed'; id: number; error: string | null }
  /** After each commit. `committedNanoUsd`: only of records made by this process, never of replayed ones. */
  | { type: 'balances'; entries: { userId: number; balanceNanoUsd: bigint; committedNanoUsd: bigint }[] }
  /** `rowsWaiting`: records that stay in the journal for the next start. */
  | { type: 'drained'; rowsWaiting: number }
  | {
      type: 'alarm';
      alarm: 'database_away' | 'journal_near_bound' | 'journal_failed' | 'default_partition' | 'poison_record';
      on: boolean;
      text: string;
    };

/** Places and money by user, places by account. */
export interface Holdings {
  users: { id: number; places: number; nanoUsd: bigint }[];
  accounts: { id: number; places: number }[];
}

/** Everything that a gateway process has in use at the moment when another takes over; it admits nothing more without asking. */
export interface Handover extends Holdings {
  /** `modelHash` null: the whole account. */
  /** `coordinate/local/affinity-table.ts`, as it lies. Missing from a process of a version before. */
  affinity?: Uint8Array;
  rests: { accountId: number; modelHash: number | null; leftMs: number; reason: number }[];
}

/** Between a gateway process and the one that takes over, through the supervisor. */
export type PeerMessage =
  /** Old → new: not in use any more. Negative money: more was charged than set aside. */
  | { type: 'returned'; holdings: Holdings }
  /** Old → new: places that exchanges wait for, money by the request that asks. */
  | { type: 'borrow'; holdings: Holdings; money: { id: number; userId: number; nanoUsd: bigint }[] }
  /** New → old: what of it was granted. Everything asked for is answered. */
  | { type: 'lent'; holdings: Holdings; money: { id: number; granted: boolean }[] };

/**
 * Supervisor → gateway process, over the child process's IPC channel.
 *
 *   first start:  start ──► prepared ──► takeOver(null) ──► ready
 *   reload:       new: start ──► prepared         old: handOver ──► handover
 *                 new: takeOver(handover) ──► ready         old: drain(final: false) … exit         new: predecessorEnded
 *                 new fails: old: resume
 */
export type SupervisorToGateway =
  /** Always the first message. */
  | { type: 'start'; options: PrimaryOptions }
  /** Null: nobody has anything in use. */
  | { type: 'takeOver'; handover: Handover | null }
  /** May come again, when the process that took over has failed. */
  | { type: 'handOver' }
  | { type: 'resume' }
  /** `final`: the whole gateway ends; otherwise another process has taken over. A second one may shorten the first. */
  | { type: 'drain'; deadlineMs: number; final: boolean }
  | { type: 'predecessorEnded' }
  | { type: 'peer'; message: PeerMessage };

/** `notes`: lines for the person who started the gateway, shown under the addresses. */
export type GatewayToSupervisor =
  /** Everything but listening is done. */
  | { type: 'prepared' }
  | {
      type: 'ready';
      gatewayUrl: string;
      controlUrl: string;
      demoKey: string | null;
      demoModel?: string | null;
      notes?: string[];
    }
  | { type: 'handover'; handover: Handover }
  | { type: 'peer'; message: PeerMessage }
  /** A front takes no turns any more. Nothing in the process can end it: a new gateway process is the cure. */
  | { type: 'stuck'; front: number }
  | { type: 'fatal'; message: string };
