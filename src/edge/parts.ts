/**
 * Everything the lifecycle works with on one front, joined by `threads/front.ts`. Shapes only.
 */
import type { Lender } from '#admit/lender.ts';
import type { KeyCache } from '#auth/key-cache.ts';
import type { TrustedProxies } from '#auth/trusted-proxies.ts';
import type { LogBudget } from '#base/log-budget.ts';
import type { Logger } from '#base/logger.ts';
import type { Config } from '#config/schema.ts';
import type { AccountHealth } from '#coordinate/local/account-health.ts';
import type { AffinityTable } from '#coordinate/local/affinity-table.ts';
import type { Ledger } from '#coordinate/local/ledger.ts';
import type { RowGenerations } from '#coordinate/local/row-generations.ts';
import type { SlotTable } from '#coordinate/local/slot-table.ts';
import type { WaitingRoom } from '#coordinate/local/waiting-room.ts';
import type { CounterRow } from '#meter/counters.ts';
import type { PriceTable } from '#meter/prices.ts';
import type { Tap } from '#meter/tap.ts';
import type { AttemptShared } from '#relay/attempt.ts';
import type { OriginPools } from '#relay/origin-pools.ts';
import type { Target } from '#relay/target.ts';
import type { Plans } from '#schedule/plan.ts';
import type { CountingClient } from '#tokenizer/counting-client.ts';
import type { UsagePressure } from '#usage/pressure.ts';
import type { UsageRingProducer } from '#usage/ring.ts';
import type { BodyRoom } from './body-room.ts';
import type { Channels } from './channels.ts';
import type { ReplyShared } from './client-side.ts';
import type { DurableReplies } from './durable-replies.ts';
import type { Exchange } from './exchange.ts';
import type { LateBooks } from './late-books.ts';
import type { LiveAttempts } from './live-attempts.ts';
import type { MediaTies } from './media-ties.ts';
import type { OpenList } from './open-list.ts';
import type { OpenRecordQueue } from './open-record-queue.ts';
import type { Openings } from './openings.ts';
import type { TapMaker } from './operations.ts';
import type { Socketless } from './socketless.ts';

/** The catalog as this front uses it; replaced as a whole by each snapshot. */
export interface Catalog {
  readonly plans: Plans;
  /** By account id. */
  readonly targets: ReadonlyMap<number, Target>;
}

export interface Parts {
  readonly config: Config;
  readonly log: Logger;
  /** For lines about faults of the gateway and of upstreams. */
  readonly logBudget: LogBudget;
  readonly counters: CounterRow;
  readonly keys: KeyCache;
  readonly trustedProxies: TrustedProxies;
  readonly userSlots: SlotTable;
  readonly accountSlots: SlotTable;
  readonly waitingRoom: WaitingRoom;
  readonly health: AccountHealth;
  readonly affinity: AffinityTable;
  readonly userGenerations: RowGenerations;
  readonly ledger: Ledger;
  readonly bodyRoom: BodyRoom;
  /** Tokens where no upstream tells them. */
  readonly counting: CountingClient;
  /** For requests that a process still gets after another one has taken over. */
  readonly lender: Lender;
  readonly usageRing: UsageRingProducer;
  readonly usagePressure: UsagePressure;
  readonly prices: PriceTable;
  readonly media: MediaTies;
  /** In whose name the shared tables keep what belongs to media jobs. */
  readonly jobsOwner: number;
  readonly pools: OriginPools;
  readonly attempts: AttemptShared;
  readonly replies: ReplyShared;
  readonly open: OpenList<Exchange>;
  readonly channels: Channels;
  readonly socketless: Socketless;
  readonly openRecords: OpenRecordQueue;
  /** Of answers whose tokens are still being counted. */
  readonly lateBooks: LateBooks;
  readonly openings: Openings;
  /** Journaled mode; null: no answer waits for the disk. */
  readonly durable: DurableReplies | null;
  /** Taps of settled exchanges, to be used again: making one is a twelfth of what a request allocates. */
  readonly idleTaps: Map<TapMaker, Tap[]>;
  /** Null unless the shared tables are audited. */
  readonly liveAttempts: LiveAttempts | null;
  catalog: Catalog;
}
