/**
 * What a front works with: the stages' own parts, opened over the shared memory of the process. No rule of its own.
 */
import { Lender } from '#admit/lender.ts';
import { KeyCache } from '#auth/key-cache.ts';
import { TrustedProxies } from '#auth/trusted-proxies.ts';
import { LogBudget } from '#base/log-budget.ts';
import type { Logger } from '#base/logger.ts';
import type { Config } from '#config/schema.ts';
import { AccountHealth } from '#coordinate/local/account-health.ts';
import { AffinityTable } from '#coordinate/local/affinity-table.ts';
import { ByteBudget } from '#coordinate/local/byte-budget.ts';
import { Doorbells } from '#coordinate/local/doorbells.ts';
import { HandoverWord } from '#coordinate/local/handover-word.ts';
import { Ledger } from '#coordinate/local/ledger.ts';
import { jobsOwner } from '#coordinate/local/owners.ts';
import { RowGenerations } from '#coordinate/local/row-generations.ts';
import { SlotTable } from '#coordinate/local/slot-table.ts';
import { TicketBoard } from '#coordinate/local/ticket-board.ts';
import { WaitingRoom } from '#coordinate/local/waiting-room.ts';
import { BodyRoom } from '#edge/body-room.ts';
import { Channels } from '#edge/channels.ts';
import type { ReplyShared } from '#edge/client-side.ts';
import { DurableReplies } from '#edge/durable-replies.ts';
import type { Exchange } from '#edge/exchange.ts';
import { FlushQueue } from '#edge/flush-queue.ts';
import { LateBell } from '#edge/late-bell.ts';
import { LateBooks } from '#edge/late-books.ts';
import { LiveAttempts } from '#edge/live-attempts.ts';
import { MediaTies } from '#edge/media-ties.ts';
import { OpenList } from '#edge/open-list.ts';
import { OpenRecordQueue } from '#edge/open-record-queue.ts';
import { Openings } from '#edge/openings.ts';
import type { Catalog, Parts } from '#edge/parts.ts';
import { Socketless } from '#edge/socketless.ts';
import { CounterRow } from '#meter/counters.ts';
import { OriginPools } from '#relay/origin-pools.ts';
import { makeTarget } from '#relay/target.ts';
import { Plans } from '#schedule/plan.ts';
import { UsagePressure } from '#usage/pressure.ts';
import { UsageRingProducer } from '#usage/ring.ts';
import type { JobOrder } from '#wire/media-job.ts';
import { auditsWanted } from './audits.ts';
import { makeCountingClient } from './make-counting-client.ts';
import { loadPriceTable } from './price-table.ts';
import type { FrontData, FrontToPrimary, Snapshot } from './protocol.ts';
import { tableShapes } from './shared-blocks.ts';

const LOG_LINES_PER_SECOND = 20;

/** Opens the shared memory and joins it with the stages; what a front needs beside its parts comes with them. */
export function makeParts(data: FrontData, log: Logger) {
  const { config, shared, index, port } = data;
  const tell = (message: FrontToPrimary, moved?: ArrayBuffer[]): void => port.postMessage(message, moved);
  const bodyBudget = new ByteBudget(shared.bodyBudget, config.limits.bodyBytesTotal, index);
  const shapes = tableShapes(config, shared.usageRings.length);
  const counters = new CounterRow(shared.counters, index);
  const doorbells = new Doorbells(shared.doorbells);
  const board = new TicketBoard(shared.tickets, config.limits.exchangesPerFront);
  const pressure = new UsagePressure(shared.usagePressure);
  const flushQueue = new FlushQueue();
  const usageRing = new UsageRingProducer(shared.usageRings[index]!, new LateBell(pressure, flushQueue));
  const { usage } = config;
  const replies: ReplyShared = {
    flushQueue,
    counters,
    streamBudget: new ByteBudget(shared.streamBudget, config.limits.streamBytesTotal, index),
    highWaterBytes: config.stream.highWaterBytes,
    readerStallMs: config.stream.readerStallMs,
    blocked: new Set(),
    unfinished: 0,
    closing: false,
    refusing: false,
    extraHeaders: config.test.nameFront ? ['x-penstock-front', String(index)] : [],
  };
  const accountSlots = new SlotTable(shared.accountSlots, shapes.accountSlots, index, board, doorbells);
  const parts: Parts = {
    config,
    log,
    logBudget: new LogBudget(LOG_LINES_PER_SECOND),
    counters,
    keys: new KeyCache({ ...config.auth, ...config.limits }, (keyHash) => tell({ type: 'lookup', keyHash })),
    trustedProxies: new TrustedProxies(config.listen.trustedProxies),
    userSlots: new SlotTable(shared.userSlots, shapes.userSlots, index, board, doorbells),
    accountSlots,
    waitingRoom: new WaitingRoom(board, index),
    health: new AccountHealth(shared.accountHealth, config.limits.accounts),
    affinity: new AffinityTable(shared.affinity, config.schedule.affinityEntries),
    userGenerations: new RowGenerations(shared.userGenerations),
    ledger: new Ledger(shared.ledger, shapes.ledger, index),
    lender: new Lender(new HandoverWord(shared.handover), (ask) => tell({ type: 'borrow', ...ask })),
    bodyRoom: makeBodyRoom(config, bodyBudget),
    counting: makeCountingClient(data),
    usageRing,
    usagePressure: pressure,
    prices: loadPriceTable(config),
    media: new MediaTies(data.linkKey, {
      begin: (order) => tell({ type: 'job', order }, picturesOf(order)),
      leave: (id) => tell({ type: 'jobLeft', id }),
      find: (id, name) => tell({ type: 'findMedia', id, name }),
    }),
    jobsOwner: jobsOwner(shared.usageRings.length),
    pools: new OriginPools(config.relay, counters),
    attempts: { counters, places: accountSlots, budget: replies.streamBudget },
    replies,
    open: new OpenList<Exchange>(),
    channels: new Channels(),
    socketless: new Socketless(tell),
    openRecords: new OpenRecordQueue({
      usageRing,
      usagePressure: pressure,
      counters,
      flushQueue,
      renewMs: usage.openRenewMs,
    }),
    lateBooks: new LateBooks(),
    openings: new Openings(replies.streamBudget, {
      holdBackMs: config.relay.holdBackMs,
      bytesMax: config.stream.highWaterBytes,
    }),
    durable:
      usage.durability === 'async' ? null : new DurableReplies({ usageRing, replies, waitMs: usage.durableWaitMs }),
    idleTaps: new Map(),
    liveAttempts: auditsWanted ? new LiveAttempts() : null,
    catalog: makeCatalog({ version: 0, groups: [], accounts: [] }),
  };
  return { parts, doorbells, board, bodyBudget };
}

function makeBodyRoom(config: Config, budget: ByteBudget): BodyRoom {
  const { bodyBytesTotal, bodyWaiters, bodyWaitBytes } = config.limits;
  return new BodyRoom(budget, {
    bytesTotal: bodyBytesTotal,
    waitersMax: bodyWaiters,
    heldBytesMax: bodyWaitBytes,
  });
}

export function makeCatalog(snapshot: Snapshot): Catalog {
  return {
    plans: new Plans(snapshot),
    targets: new Map(snapshot.accounts.map((account) => [account.id, makeTarget(account)])),
  };
}

/** They move to primary, and leave nothing here. A small one may be a view of memory that others share: it is copied. */
function picturesOf({ image }: JobOrder): ArrayBuffer[] {
  if (image === null || !('bytes' in image)) return [];
  const { buffer, byteLength } = image.bytes;
  return buffer.byteLength === byteLength ? [buffer as ArrayBuffer] : [];
}
