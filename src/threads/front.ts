/**
 * Composition root of a front, which owns a listener on the shared port and the whole life of its requests: on a worker thread of its
 * own (`front-thread.ts`), or with `threads.fronts: 0` on the main thread. Joins the stages with shared memory and primary's messages;
 * holds no rule of its own. Never runs SQL, never blocks.
 *
 * An exception that nobody caught ends the front: its listener closes, open exchanges are ended in their protocol (which settles
 * them), and the app is closed (a thread that exits with an open app aborts the process). Every step is taken whatever the others throw.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { nowMs } from '#base/clock.ts';
import { createLogger, type Logger } from '#base/logger.ts';
import { unpack } from '#base/msgpack.ts';
import { connectionBound } from '#config/limits.ts';
import { readOpenFilesMax } from '#config/open-files.ts';
import type { Config } from '#config/schema.ts';
import { reveal } from '#config/secret.ts';
import { Heartbeats } from '#coordinate/local/heartbeats.ts';
import { Lifecycle } from '#edge/lifecycle.ts';
import { Listener, type TlsFiles } from '#edge/listener.ts';
import type { Parts } from '#edge/parts.ts';
import { accountRowsInUse, userRowsInUse } from '#edge/rows-in-use.ts';
import { C } from '#meter/counters.ts';
import { mayForwardRequestHeader } from '#relay/header-policy.ts';
import { auditFront, auditsWanted } from './audits.ts';
import { AbruptFault, injectFault, seeFaultHeader } from './front-faults.ts';
import { makeCatalog, makeParts } from './front-parts.ts';
import type { FrontData, FrontToPrimary, PrimaryToFront, Snapshot } from './protocol.ts';

const SWEEP_MS = 250;
const TRIM_MS = 5000;
const FULL_EVERY_MS = 10_000;
/** Time for the last error events to leave before connections are closed. */
const LAST_WORDS_MS = 100;
const DRAIN_LOOK_MS = 20;

function tlsFiles({ tls }: Config['listen']): TlsFiles | null {
  return tls === null ? null : { ...tls, passphrase: tls.passphrase === null ? '' : reveal(tls.passphrase) };
}

/** The front of the calling thread. It begins at once and listens when it is told to. */
export class Front {
  readonly #data: FrontData;
  readonly #log: Logger;
  readonly #parts: Parts;
  readonly #lifecycle: Lifecycle;
  readonly #listener: Listener;
  readonly #heartbeats: Heartbeats;
  readonly #bell: { stop(): void };
  readonly #audit: { stop(): void } | null;
  readonly #sweeper: NodeJS.Timeout;
  readonly #trimmer: NodeJS.Timeout;
  #saidFullAtMs = Number.NEGATIVE_INFINITY;
  #drainUntilMs = Number.POSITIVE_INFINITY;
  #draining = false;
  #ending = false;
  #failing = false;
  /** Nothing is left that would keep the thread, but its port. */
  #closed = false;

  constructor(data: FrontData) {
    const { config, shared, index, port } = data;
    this.#data = data;
    this.#log = createLogger({ level: config.log.level, thread: `front-${index}` });
    const { parts, doorbells, board, bodyBudget } = makeParts(data, this.#log);
    this.#parts = parts;
    this.#lifecycle = new Lifecycle(parts);
    this.#listener = this.#makeListener();
    this.#heartbeats = new Heartbeats(shared.heartbeats);
    this.#bell = doorbells.listen(index, () => {
      parts.counters.add(C.doorbells);
      parts.waitingRoom.wakeGranted();
      parts.durable?.release();
    });
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS);
    this.#audit = auditsWanted
      ? auditFront(parts, { index, board, bodyBudget }, (lines) =>
          this.#tell({ type: 'auditFailed', differences: lines }),
        )
      : null;
    this.#trimmer = setInterval(() => parts.pools.trim(nowMs()), TRIM_MS);
    port.on('message', (message: PrimaryToFront) => this.#receive(message));
  }

  /** After an exception that nobody caught. Resolves once nothing keeps the thread any more. */
  async fail(error: Error): Promise<void> {
    this.#log.fatal({ err: error }, 'this front ends after an uncaught exception');
    if (this.#failing) return;
    this.#failing = true;
    if (error instanceof AbruptFault) this.#close();
    else await this.#end();
    this.#tell({ type: 'failed', message: error.message });
    this.#data.port.close();
  }

  #tell(message: FrontToPrimary): void {
    this.#data.port.postMessage(message);
  }

  #makeListener(): Listener {
    const { config, shared } = this.#data;
    const { crashHeader } = config.test;
    const connectionsMax = connectionBound(config, shared.usageRings.length, readOpenFilesMax());
    return new Listener({
      tls: tlsFiles(config.listen),
      connectionsMax,
      messageBytesMax: Math.min(config.websocket.messageBytesMax, config.limits.bodyBytesMax),
      counters: this.#parts.counters,
      mayForward: crashHeader ? seeFaultHeader(mayForwardRequestHeader) : mayForwardRequestHeader,
      onRequest: (res, head, upgrade) => {
        if (crashHeader) injectFault(head, this.#parts.userSlots);
        this.#lifecycle.open(res, head, upgrade);
      },
      onFull: () => this.#sayFull(connectionsMax),
    });
  }

  /** A front that turns connections away says so, but not once for each of them. */
  #sayFull(connections: number): void {
    const now = nowMs();
    if (now - this.#saidFullAtMs < FULL_EVERY_MS) return;
    this.#saidFullAtMs = now;
    this.#log.warn({ connections }, 'this front has all the connections that it may hold and closes new ones');
  }

  #sweep(): void {
    const now = nowMs();
    this.#heartbeats.beat(this.#data.index);
    this.#lifecycle.sweep(now);
    this.#parts.pools.sweep(now);
    this.#parts.keys.sweep(now);
    this.#parts.lender.sweep(now);
  }

  #receive(message: PrimaryToFront): void {
    // A snapshot that came now would open connections, and they would keep the thread.
    if (this.#closed && message.type !== 'exit') return;
    switch (message.type) {
      case 'snapshot':
        return this.#applySnapshot(message.version, message.bytes);
      case 'principal':
        return this.#parts.keys.answer(message.keyHash, message.found, nowMs());
      case 'invalidate':
        return this.#parts.keys.invalidate(message.keyHashes);
      case 'listen':
        return void this.#listen(message.port);
      case 'dropRows':
        return this.#dropRows(message.id, message.kind, message.rows);
      case 'drain':
        return this.#drain(message.deadlineMs, message.final);
      case 'resume':
        return this.#resume(message.port);
      case 'borrowed':
        return this.#parts.lender.answer(message.id, message.granted);
      case 'job':
        return this.#parts.media.onNews(message.news);
      case 'mediaFound':
        return this.#parts.media.onFound(message.id, message.found);
      case 'counted':
        return this.#parts.counting.answer(message.id, message.counted);
      case 'socketless':
        return this.#parts.socketless.learn(message);
      case 'exit':
        return this.#data.port.close();
    }
  }

  #applySnapshot(version: number, bytes: Uint8Array): void {
    const snapshot = unpack(bytes) as Snapshot;
    this.#parts.catalog = makeCatalog(snapshot);
    this.#parts.pools.keep(this.#parts.catalog.targets.values());
    this.#tell({ type: 'snapshotAck', version });
  }

  /** What is open may still take a place of a row, with what it was identified or scheduled by; nothing else can any more. */
  #dropRows(id: number, kind: 'users' | 'accounts', rows: number[]): void {
    const { keys, open, lateBooks } = this.#parts;
    if (kind === 'users') keys.dropRows(new Set(rows));
    const inUse = kind === 'users' ? userRowsInUse(open, lateBooks, rows) : accountRowsInUse(open, rows);
    this.#tell({ type: 'rowsDropped', id, inUse });
  }

  async #listen(port: number): Promise<void> {
    try {
      await this.#listener.listen(this.#data.config.listen.host, port);
      this.#tell({ type: 'ready' });
    } catch (error) {
      await this.#end();
      this.#tell({ type: 'failed', message: (error as Error).message });
    }
  }

  /** Stops accepting, lets open exchanges end until the deadline, then ends the rest in their protocol. May be told again, sooner. */
  #drain(deadlineMs: number, final: boolean): void {
    this.#drainUntilMs = Math.min(this.#drainUntilMs, nowMs() + deadlineMs);
    this.#parts.replies.closing = true;
    if (final) this.#parts.replies.refusing = true;
    this.#listener.stop();
    if (this.#draining) return;
    this.#draining = true;
    void this.#finish();
  }

  async #finish(): Promise<void> {
    while (this.#draining && nowMs() < this.#drainUntilMs && this.#isBusy()) await pause(DRAIN_LOOK_MS);
    if (!this.#draining) return;
    this.#ending = true;
    await this.#end();
    this.#tell({ type: 'drained' });
  }

  /**
   * While another process serves the port, idle connections are left to their clients, who learn with the next answer that they
   * close, or to the server's own time limit for idle ones: closing one could meet a request that is on its way.
   */
  #isBusy(): boolean {
    const { unfinished, refusing } = this.#parts.replies;
    const open =
      this.#parts.open.size +
      this.#parts.lateBooks.size +
      unfinished +
      (this.#parts.durable?.size ?? 0) +
      this.#parts.channels.unfinished;
    return open > 0 || (!refusing && this.#listener.connections > 0);
  }

  /** The process that should have taken over has failed. */
  #resume(port: number): void {
    if (this.#ending) return;
    this.#draining = false;
    this.#drainUntilMs = Number.POSITIVE_INFINITY;
    this.#parts.replies.closing = false;
    if (!this.#listener.listening) void this.#listen(port);
  }

  /** Breaks off what is open, refuses what still begins, closes everything that would keep the thread or abort the process. */
  async #end(): Promise<void> {
    this.#parts.replies.closing = this.#parts.replies.refusing = true;
    this.#take(() => this.#listener.stop());
    this.#take(() => this.#parts.lateBooks.close(this.#parts));
    if (this.#parts.open.size + (this.#parts.durable?.size ?? 0) > 0) {
      this.#take(() => this.#lifecycle.interruptAll());
      await pause(LAST_WORDS_MS);
    }
    if (this.#parts.channels.size > 0) {
      this.#take(() => this.#parts.channels.endAll());
      await pause(LAST_WORDS_MS);
    }
    this.#close();
  }

  #close(): void {
    this.#closed = true;
    clearInterval(this.#sweeper);
    clearInterval(this.#trimmer);
    this.#audit?.stop();
    this.#bell.stop();
    this.#parts.counting.close();
    this.#parts.openings.close();
    this.#take(() => this.#listener.close());
    this.#take(() => this.#parts.channels.close());
    this.#take(() => this.#parts.pools.close());
  }

  /** A step of the end: what it throws must not keep the next ones from being taken. */
  #take(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#log.error({ err: error }, 'a step of the end failed');
    }
  }
}
