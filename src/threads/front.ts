/**
 * Composition root of a front: a worker thread that owns a listener on the shared port and the whole life of its requests. Joins the
 * stages with shared memory and primary's messages; holds no rule of its own. Never runs SQL, never blocks.
 *
 * An uncaught exception ends this front only: its listener closes, open exchanges are ended in their protocol (which settles them),
 * the app is closed (a thread that exits with an open app aborts the process), and primary undoes what is left and starts a
 * replacement. Every step is taken whatever the others throw, and the end is bounded in time.
 */
import { type MessagePort, workerData } from 'node:worker_threads';
import { Lender } from '#admit/lender.ts';
import { KeyCache } from '#auth/key-cache.ts';
import { TrustedProxies } from '#auth/trusted-proxies.ts';
import { nowMs } from '#base/clock.ts';
import { LogBudget } from '#base/log-budget.ts';
import { createLogger } from '#base/logger.ts';
import { unpack } from '#base/msgpack.ts';
import { connectionBound } from '#config/limits.ts';
import { readOpenFilesMax } from '#config/open-files.ts';
import { reveal } from '#config/secret.ts';
import { AccountHealth } from '#coordinate/local/account-health.ts';
import { ByteBudget } from '#coordinate/local/byte-budget.ts';
import { Doorbells } from '#coordinate/local/doorbells.ts';
import { HandoverWord } from '#coordinate/local/handover-word.ts';
import { Heartbeats } from '#coordinate/local/heartbeats.ts';
import { Ledger } from '#coordinate/local/ledger.ts';
import { RowGenerations } from '#coordinate/local/row-generations.ts';
import { SlotTable } from '#coordinate/local/slot-table.ts';
import { TicketBoard } from '#coordinate/local/ticket-board.ts';
import { WaitingRoom } from '#coordinate/local/waiting-room.ts';
import { BodyRoom } from '#edge/body-room.ts';
import { DurableReplies } from '#edge/durable-replies.ts';
import type { Exchange } from '#edge/exchange.ts';
import { FlushQueue } from '#edge/flush-queue.ts';
import { Lifecycle } from '#edge/lifecycle.ts';
import { Listener, type TlsFiles } from '#edge/listener.ts';
import { LiveAttempts } from '#edge/live-attempts.ts';
import { OpenList } from '#edge/open-list.ts';
import { OpenRecordQueue } from '#edge/open-record-queue.ts';
import type { Catalog, Parts } from '#edge/parts.ts';
import type { ReplyShared } from '#edge/reply.ts';
import { accountRowsInUse, userRowsInUse } from '#edge/rows-in-use.ts';
import { C, CounterRow } from '#meter/counters.ts';
import { mayForwardRequestHeader } from '#relay/header-policy.ts';
import { OriginPools } from '#relay/origin-pools.ts';
import { makeTarget } from '#relay/target.ts';
import { Plans } from '#schedule/plan.ts';
import { UsagePressure } from '#usage/pressure.ts';
import { UsageRingProducer } from '#usage/ring.ts';
import { auditFront, auditsWanted } from './audits.ts';
import { AbruptFault, injectFault, seeFaultHeader } from './front-faults.ts';
import { loadPriceTable } from './price-table.ts';
import type { FrontData, FrontToPrimary, PrimaryToFront, Snapshot } from './protocol.ts';
import { tableShapes } from './shared-blocks.ts';

const SWEEP_MS = 250;
const TRIM_MS = 5000;
const FULL_EVERY_MS = 10_000;
const LOG_LINES_PER_SECOND = 20;
/** Time for the last error events to leave before connections are closed. */
const LAST_WORDS_MS = 100;
/** A thread that has closed everything ends by itself; whatever keeps it does so no longer than this. */
const EXIT_BOUND_MS = 2000;
const DRAIN_LOOK_MS = 20;

const data = workerData as FrontData;
const { config, shared, index } = data;
const port: MessagePort = data.port;
const log = createLogger({ level: config.log.level, thread: `front-${index}` });

function tell(message: FrontToPrimary): void {
  port.postMessage(message);
}

const bodyBudget = new ByteBudget(shared.bodyBudget, config.limits.bodyBytesTotal, index);

function join(): { parts: Parts; doorbells: Doorbells; board: TicketBoard } {
  const shapes = tableShapes(config, shared.usageRings.length);
  const counters = new CounterRow(shared.counters, index);
  const doorbells = new Doorbells(shared.doorbells);
  const board = new TicketBoard(shared.tickets, config.limits.exchangesPerFront);
  const pressure = new UsagePressure(shared.usagePressure);
  const usageRing = new UsageRingProducer(shared.usageRings[index]!, pressure);
  const flushQueue = new FlushQueue();
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
  const parts: Parts = {
    config,
    log,
    logBudget: new LogBudget(LOG_LINES_PER_SECOND),
    counters,
    keys: new KeyCache({ ...config.auth, ...config.limits }, (keyHash) => tell({ type: 'lookup', keyHash })),
    trustedProxies: new TrustedProxies(config.listen.trustedProxies),
    userSlots: new SlotTable(shared.userSlots, shapes.userSlots, index, board, doorbells),
    accountSlots: new SlotTable(shared.accountSlots, shapes.accountSlots, index, board, doorbells),
    waitingRoom: new WaitingRoom(board, index),
    health: new AccountHealth(shared.accountHealth, config.limits.accounts),
    userGenerations: new RowGenerations(shared.userGenerations),
    ledger: new Ledger(shared.ledger, shapes.ledger, index),
    lender: new Lender(new HandoverWord(shared.handover), (ask) => tell({ type: 'borrow', ...ask })),
    bodyRoom: makeBodyRoom(bodyBudget),
    usageRing,
    usagePressure: pressure,
    prices: loadPriceTable(config),
    pools: new OriginPools(config.relay, counters),
    replies,
    open: new OpenList<Exchange>(),
    openRecords: new OpenRecordQueue({
      usageRing,
      usagePressure: pressure,
      counters,
      flushQueue,
      renewMs: usage.openRenewMs,
    }),
    durable:
      usage.durability === 'async' ? null : new DurableReplies({ usageRing, replies, waitMs: usage.durableWaitMs }),
    idleTaps: [],
    liveAttempts: auditsWanted ? new LiveAttempts() : null,
    catalog: makeCatalog({ version: 0, groups: [], accounts: [] }),
  };
  return { parts, doorbells, board };
}

function makeBodyRoom(budget: ByteBudget): BodyRoom {
  const { bodyBytesTotal, bodyWaiters, bodyWaitBytes } = config.limits;
  return new BodyRoom(budget, {
    bytesTotal: bodyBytesTotal,
    waitersMax: bodyWaiters,
    heldBytesMax: bodyWaitBytes,
  });
}

function makeCatalog(snapshot: Snapshot): Catalog {
  return {
    plans: new Plans(snapshot),
    targets: new Map(snapshot.accounts.map((account) => [account.id, makeTarget(account)])),
  };
}

function tlsFiles(): TlsFiles | null {
  const { tls } = config.listen;
  return tls === null ? null : { ...tls, passphrase: tls.passphrase === null ? '' : reveal(tls.passphrase) };
}

let saidFullAtMs = Number.NEGATIVE_INFINITY;

/** A front that turns connections away says so, but not once for each of them. */
function sayFull(): void {
  const now = nowMs();
  if (now - saidFullAtMs < FULL_EVERY_MS) return;
  saidFullAtMs = now;
  log.warn({ connections: connectionsMax }, 'this front has all the connections that it may hold and closes new ones');
}

const { parts, doorbells, board } = join();
const lifecycle = new Lifecycle(parts);
const connectionsMax = connectionBound(config, shared.usageRings.length, readOpenFilesMax());
const { crashHeader } = config.test;
const listener = new Listener({
  tls: tlsFiles(),
  connectionsMax,
  counters: parts.counters,
  mayForward: crashHeader ? seeFaultHeader(mayForwardRequestHeader) : mayForwardRequestHeader,
  onRequest(res, head) {
    if (crashHeader) injectFault(head, parts.userSlots);
    lifecycle.open(res, head);
  },
  onFull: () => sayFull(),
});
const heartbeats = new Heartbeats(shared.heartbeats);
const bell = doorbells.listen(index, () => {
  parts.counters.add(C.doorbells);
  parts.waitingRoom.wakeGranted();
  parts.durable?.release();
});
const sweeper = setInterval(() => {
  const now = nowMs();
  heartbeats.beat(index);
  lifecycle.sweep(now);
  parts.pools.sweep(now);
  parts.keys.sweep(now);
  parts.lender.sweep(now);
}, SWEEP_MS);
const audit = auditsWanted
  ? auditFront(parts, { index, board, bodyBudget }, (differences) => tell({ type: 'auditFailed', differences }))
  : null;
const trimmer = setInterval(() => parts.pools.trim(nowMs()), TRIM_MS);

function applySnapshot(version: number, bytes: Uint8Array): void {
  const snapshot = unpack(bytes) as Snapshot;
  parts.catalog = makeCatalog(snapshot);
  parts.pools.keep(parts.catalog.targets.values());
  tell({ type: 'snapshotAck', version });
}

let ending = false;
let drainUntilMs = Number.POSITIVE_INFINITY;
let draining = false;

/** Stops accepting, lets open exchanges end until the deadline, then ends the rest in their protocol. May be told again, sooner. */
function drain(deadlineMs: number, final: boolean): void {
  drainUntilMs = Math.min(drainUntilMs, nowMs() + deadlineMs);
  parts.replies.closing = true;
  if (final) parts.replies.refusing = true;
  listener.stop();
  if (draining) return;
  draining = true;
  void finish();
}

async function finish(): Promise<void> {
  while (draining && nowMs() < drainUntilMs && isBusy()) await pause(DRAIN_LOOK_MS);
  if (!draining) return;
  ending = true;
  await end();
  tell({ type: 'drained' });
}

/**
 * While another process serves the port, idle connections are left to their clients, who learn with the next answer that they
 * close, or to the server's own time limit for idle ones: closing one could meet a request that is on its way.
 */
function isBusy(): boolean {
  const { unfinished, refusing } = parts.replies;
  const open = parts.open.size + unfinished + (parts.durable?.size ?? 0);
  return open > 0 || (!refusing && listener.connections > 0);
}

/** The process that should have taken over has failed. */
function resume(listenPort: number): void {
  if (ending) return;
  draining = false;
  drainUntilMs = Number.POSITIVE_INFINITY;
  parts.replies.closing = false;
  if (!listener.listening) void listen(listenPort);
}

/** Breaks off what is open and closes everything that would keep the thread or abort the process. */
async function end(): Promise<void> {
  parts.replies.closing = true;
  take(() => listener.stop());
  if (parts.open.size + (parts.durable?.size ?? 0) > 0) {
    take(() => lifecycle.interruptAll());
    await pause(LAST_WORDS_MS);
  }
  close();
}

function close(): void {
  clearInterval(sweeper);
  clearInterval(trimmer);
  audit?.stop();
  bell.stop();
  take(() => listener.close());
  take(() => parts.pools.close());
}

/** A step of the end: what it throws must not keep the next ones from being taken. */
function take(step: () => void): void {
  try {
    step();
  } catch (error) {
    log.error({ err: error }, 'a step of the end failed');
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function receive(message: PrimaryToFront): void {
  switch (message.type) {
    case 'snapshot':
      return applySnapshot(message.version, message.bytes);
    case 'principal':
      return parts.keys.answer(message.keyHash, message.found, nowMs());
    case 'invalidate':
      return parts.keys.invalidate(message.keyHashes);
    case 'listen':
      return void listen(message.port);
    case 'dropRows':
      return dropRows(message.id, message.kind, message.rows);
    case 'drain':
      return drain(message.deadlineMs, message.final);
    case 'resume':
      return resume(message.port);
    case 'borrowed':
      return parts.lender.answer(message.id, message.granted);
    case 'exit':
      return port.close();
  }
}

/** What is open may still take a place of a row, with what it was identified or scheduled by; nothing else can any more. */
function dropRows(id: number, kind: 'users' | 'accounts', rows: number[]): void {
  if (kind === 'users') parts.keys.dropRows(new Set(rows));
  const inUse = kind === 'users' ? userRowsInUse(parts.open, rows) : accountRowsInUse(parts.open, rows);
  tell({ type: 'rowsDropped', id, inUse });
}

async function listen(listenPort: number): Promise<void> {
  try {
    await listener.listen(config.listen.host, listenPort);
    tell({ type: 'ready' });
  } catch (error) {
    await end();
    tell({ type: 'failed', message: (error as Error).message });
  }
}

let failing = false;
process.on('uncaughtException', (error) => {
  log.fatal({ err: error }, 'this front ends after an uncaught exception');
  if (failing) return;
  failing = true;
  if (error instanceof AbruptFault) close();
  const ended = error instanceof AbruptFault ? Promise.resolve() : end();
  void ended.then(() => leave(error));
});

function leave(error: Error): void {
  tell({ type: 'failed', message: error.message });
  port.close();
  setTimeout(() => process.exit(1), EXIT_BOUND_MS).unref();
}

port.on('message', receive);
