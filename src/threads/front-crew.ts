/**
 * The fronts as primary sees them: started, told things, replaced after a failure, drained. A front is never terminated (that would
 * abort the process); it ends itself and says so. Primary only.
 */

import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { nowMs } from '#base/clock.ts';
import type { Logger } from '#base/logger.ts';
import type { Config } from '#config/schema.ts';
import type { FrontData, FrontToPrimary, PrimaryToFront, SharedBlocks } from './protocol.ts';
import { ReplacePauses } from './replace-pauses.ts';
import { reservePort } from './reserve-port.ts';
import type { ThreadStarter } from './thread-starter.ts';

export interface CrewEvents {
  /** A front asks who a key is; the answer goes back with `tell`. */
  onLookup(front: number, keyHash: string): void;
  /** A front asks for money that another process may have; the answer goes back with `tell`. */
  onBorrow(front: number, ask: Extract<FrontToPrimary, { type: 'borrow' }>): void;
  /** A front wants a text counted; the answer goes back with `tell`. */
  onCount(front: number, ask: Extract<FrontToPrimary, { type: 'count' }>): void;
  /** A front orders a media job, stops listening to one, or asks what one made; answers and news go back with `tell`. */
  onMedia(front: number, ask: Extract<FrontToPrimary, { type: 'job' | 'jobLeft' | 'findMedia' }>): void;
  /** What a new front must know before it listens. */
  briefing(): PrimaryToFront[];
  onListening(front: number): void;
  onAuditFailed(differences: string[]): void;
  onRowsDropped(front: number, id: number, inUse: number[]): void;
  /** A front's thread has ended, in whatever way; its index is given to another one after this. */
  onFrontGone(front: number): Promise<void>;
}

export interface CrewParts {
  threads: ThreadStarter;
  config: Config;
  shared: SharedBlocks;
  log: Logger;
  /** 0: any free one. */
  listenPort: number;
  /** Signs links to media. */
  linkKey: string;
}

interface Member {
  readonly port: MessagePort;
  /** Resolves once it has the catalog, and once it listens; both reject when it ends before. */
  readonly up: Promise<void>;
  readonly ready: Promise<void>;
  /** Since when it listens; 0: not yet. */
  listeningSinceMs: number;
  /** Newest snapshot that the front has taken over. */
  acknowledged: number;
}

export class FrontCrew {
  readonly #threads: ThreadStarter;
  readonly #config: Config;
  readonly #shared: SharedBlocks;
  readonly #log: Logger;
  readonly #events: CrewEvents;
  readonly #linkKey: string;
  readonly #members = new Map<number, Member>();
  readonly #pauses: ReplacePauses[];
  #listenPort: number;
  /** Those who wait for acknowledgements. */
  readonly #watchers = new Set<() => void>();
  /** Fronts are told to listen as soon as they are there. */
  #listening = false;
  /** Every front has listened once: from now on one that ends is replaced, whenever it ends. */
  #started = false;
  #draining = false;
  #onGone: () => void = () => {};
  readonly #gone = new Promise<void>((resolve) => {
    this.#onGone = resolve;
  });

  constructor({ threads, config, shared, log, listenPort, linkKey }: CrewParts, events: CrewEvents) {
    this.#threads = threads;
    this.#config = config;
    this.#shared = shared;
    this.#log = log;
    this.#listenPort = listenPort;
    this.#linkKey = linkKey;
    this.#events = events;
    this.#pauses = shared.usageRings.map(() => new ReplacePauses());
  }

  get listenPort(): number {
    return this.#listenPort;
  }

  /** Fronts that listen. */
  get alive(): number {
    return [...this.#members.values()].filter((member) => member.listeningSinceMs > 0).length;
  }

  get wanted(): number {
    return this.#pauses.length;
  }

  /** Resolves once every front has taken over the snapshot, or the bound has passed. */
  acknowledged(version: number, boundMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#watchers.delete(look);
        resolve();
      };
      const look = (): void => {
        if ([...this.#members.values()].every((member) => member.acknowledged >= version)) done();
      };
      const timer = setTimeout(done, boundMs);
      this.#watchers.add(look);
      look();
    });
  }

  /** Starts all fronts; they know the catalog and do not listen yet. */
  async launch(): Promise<void> {
    await Promise.all(this.#pauses.map((_, index) => this.#launch(index).up));
  }

  /** All fronts listen on one port. Rejects when the address cannot be had. */
  async listen(): Promise<void> {
    const reservation = this.#listenPort === 0 ? await reservePort(this.#config.listen.host) : null;
    if (reservation !== null) this.#listenPort = reservation.port;
    this.#listening = true;
    try {
      this.tellAll({ type: 'listen', port: this.#listenPort });
      await Promise.all([...this.#members.values()].map((member) => member.ready));
      this.#started = true;
    } finally {
      await reservation?.release();
    }
  }

  /** Fronts that have a thread. */
  get indexes(): number[] {
    return [...this.#members.keys()];
  }

  tell(front: number, message: PrimaryToFront): void {
    this.#members.get(front)?.port.postMessage(message);
  }

  tellAll(message: PrimaryToFront): void {
    for (const { port } of this.#members.values()) port.postMessage(message);
  }

  /**
   * Tells every front to end (`PrimaryToFront`); a second call may shorten the first or make it final. Resolves when every front has
   * closed its app and ended its thread; not at all when `resume` comes before.
   */
  drain(deadlineMs: number, final: boolean): Promise<void> {
    this.#draining = true;
    this.tellAll({ type: 'drain', deadlineMs, final });
    if (this.#members.size === 0) this.#onGone();
    return this.#gone;
  }

  /** Takes a drain back that was not final: fronts listen again, those that have ended are replaced. */
  resume(): void {
    this.#draining = false;
    this.tellAll({ type: 'resume', port: this.#listenPort });
    this.#pauses.forEach((_, index) => {
      if (!this.#members.has(index)) this.#replace(index);
    });
  }

  #launch(index: number): Member {
    const { port1, port2 } = new MessageChannel();
    const data: FrontData = { index, config: this.#config, shared: this.#shared, port: port2, linkKey: this.#linkKey };
    const thread = this.#threads.front(data);
    const up = Promise.withResolvers<void>();
    const ready = Promise.withResolvers<void>();
    for (const { promise } of [up, ready]) promise.catch(() => {});
    const common = { up: up.promise, ready: ready.promise, listeningSinceMs: 0, acknowledged: 0 };
    const member: Member = { port: port1, ...common };
    this.#members.set(index, member);
    for (const message of this.#events.briefing()) port1.postMessage(message);
    if (this.#listening) port1.postMessage({ type: 'listen', port: this.#listenPort } satisfies PrimaryToFront);
    const fail = (message: string): void => {
      for (const { reject } of [up, ready]) reject(new Error(message));
    };
    port1.on('message', (message: FrontToPrimary) => {
      if (message.type === 'ready') {
        member.listeningSinceMs = nowMs();
        this.#events.onListening(index);
        ready.resolve();
      } else if (message.type === 'snapshotAck') {
        member.acknowledged = message.version;
        up.resolve();
        for (const look of this.#watchers) look();
      } else this.#receive(index, message);
      if (message.type === 'failed') fail(message.message);
    });
    thread.on('error', (error) => {
      this.#log.fatal({ err: error, front: index }, 'a front failed');
      fail(error.message);
    });
    thread.once('exit', () => {
      fail(`front ${index} ended before it listened`);
      void this.#ended(index, member);
    });
    return member;
  }

  #receive(index: number, message: FrontToPrimary): void {
    if (message.type === 'lookup') this.#events.onLookup(index, message.keyHash);
    if (message.type === 'borrow') this.#events.onBorrow(index, message);
    if (message.type === 'count') this.#events.onCount(index, message);
    if (message.type === 'job' || message.type === 'jobLeft' || message.type === 'findMedia')
      this.#events.onMedia(index, message);
    if (message.type === 'socketless') this.tellAll(message);
    if (message.type === 'rowsDropped') this.#events.onRowsDropped(index, message.id, message.inUse);
    if (message.type === 'auditFailed') this.#events.onAuditFailed(message.differences);
    if (message.type === 'failed') this.#log.error({ front: index, error: message.message }, 'a front gave up');
    if (message.type === 'failed' || message.type === 'drained') this.tell(index, { type: 'exit' });
  }

  /** A front that ended unasked is replaced, once what it left behind is undone: at once the first time, then after growing pauses. */
  async #ended(index: number, member: Member): Promise<void> {
    member.port.close();
    this.#members.delete(index);
    await this.#events.onFrontGone(index);
    if (this.#draining && this.#members.size === 0) this.#onGone();
    if (this.#draining || !this.#started) return;
    const servedMs = member.listeningSinceMs > 0 ? nowMs() - member.listeningSinceMs : 0;
    setTimeout(() => this.#replace(index), this.#pauses[index]!.next(servedMs));
  }

  #replace(index: number): void {
    if (this.#draining || this.#members.has(index)) return;
    this.#launch(index).ready.catch((error: Error) =>
      this.#log.error({ front: index, error: error.message }, 'a front was not replaced; the next try follows'),
    );
  }
}
