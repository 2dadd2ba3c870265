/**
 * One gateway process as its supervisor sees it: forked, prepared, serving, handed over, drained, gone.
 *
 *   forked ──start──► preparing ──prepared──► waiting ──takeOver──► ready: serving ──handOver──► handed over ──drain──► exit 0
 *                        └─fatal─► exit 1                              ▲                 │            └ abort ─► exit by signal
 *                                                                      └─────resume──────┘
 *
 * A forked process loads its modules and waits: at the first start that happens while PostgreSQL is being made.
 *
 * Supervisor process only.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { PrimaryOptions } from './primary-options.ts';
import type { GatewayToSupervisor, Handover, PeerMessage, SupervisorToGateway } from './protocol.ts';

export type GatewayReady = Omit<Extract<GatewayToSupervisor, { type: 'ready' }>, 'type'>;

export interface GatewayExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The reason that the process itself gave, when it did. */
  readonly fatal: string | null;
}

export interface ThreadPools {
  readonly libuv: number;
  readonly v8: number;
}

const MAIN = join(import.meta.dirname, '..', 'main.ts');

/** What a process says that is not an answer. */
export interface GatewayWords {
  /** For the process before or after it. */
  onPeer(from: GatewayProcess, message: PeerMessage): void;
  /** A front takes no turns any more: the process has to be replaced. */
  onStuck(from: GatewayProcess, front: number): void;
}

export class GatewayProcess {
  readonly #child: ChildProcess;
  readonly #words: GatewayWords;
  #started = false;
  #fatal: string | null = null;
  #onHandover: ((handover: Handover) => void) | null = null;
  readonly #prepared = Promise.withResolvers<boolean>();
  readonly #ready = Promise.withResolvers<GatewayReady | null>();
  readonly exited: Promise<GatewayExit>;
  /** No exit was seen yet. */
  alive = true;
  /** It may serve, or have something in use. */
  serving = false;

  constructor(pools: ThreadPools, words: GatewayWords) {
    this.#words = words;
    this.#child = fork(MAIN, ['--gateway'], {
      execPath: process.execPath,
      execArgv: ['--disable-warning=ExperimentalWarning', `--v8-pool-size=${pools.v8}`],
      env: { ...process.env, UV_THREADPOOL_SIZE: String(pools.libuv) },
      serialization: 'advanced',
    });
    this.#child.on('message', (message: GatewayToSupervisor) => this.#receive(message));
    this.exited = this.#watchExit();
    void this.exited.then(() => {
      this.alive = false;
      this.#prepared.resolve(false);
      this.#ready.resolve(null);
    });
  }

  start(options: PrimaryOptions): void {
    this.#started = true;
    this.#send({ type: 'start', options });
  }

  /** Resolves once it could serve; false when the process ends before that. */
  get prepared(): Promise<boolean> {
    return this.#prepared.promise;
  }

  /** Resolves once traffic is accepted; null when the process ends before that. */
  get ready(): Promise<GatewayReady | null> {
    return this.#ready.promise;
  }

  /** 0 when it could not be started at all; `exited` then says why. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Listen, with what the process before has in use. */
  takeOver(handover: Handover | null): void {
    this.serving = true;
    this.#send({ type: 'takeOver', handover });
  }

  /** Admit nothing more without asking. `onHandover` is called within the event that brings the answer, ahead of what it says next. */
  handOver(onHandover: (handover: Handover) => void): void {
    this.#onHandover = onHandover;
    this.#send({ type: 'handOver' });
  }

  resume(): void {
    this.#onHandover = null;
    this.#send({ type: 'resume' });
  }

  predecessorEnded(): void {
    this.#send({ type: 'predecessorEnded' });
  }

  tell(message: PeerMessage): void {
    this.#send({ type: 'peer', message });
  }

  /** Stop accepting, finish streams, flush, exit 0. May be sent again, to end sooner or finally. */
  drain(deadlineMs: number, final: boolean): void {
    if (this.#started) this.#send({ type: 'drain', deadlineMs, final });
    else this.kill();
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #send(message: SupervisorToGateway): void {
    // The channel closes before the exit is seen; a message that meets the gap has no reader any more.
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  #receive(message: GatewayToSupervisor): void {
    switch (message.type) {
      case 'prepared':
        return this.#prepared.resolve(true);
      case 'ready':
        return this.#ready.resolve(message);
      case 'handover':
        this.#onHandover?.(message.handover);
        this.#onHandover = null;
        return;
      case 'peer':
        return this.#words.onPeer(this, message.message);
      case 'stuck':
        return this.#words.onStuck(this, message.front);
      case 'fatal':
        this.#fatal = message.message;
    }
  }

  #watchExit(): Promise<GatewayExit> {
    return new Promise((resolve) => {
      // Not `exit`: the channel may still hold the reason.
      this.#child.once('close', (code, signal) => resolve({ code, signal, fatal: this.#fatal }));
      this.#child.on('error', (error) => {
        if (this.#child.pid === undefined) resolve({ code: null, signal: null, fatal: error.message });
      });
    });
  }
}

/** One clause for a log line or an error. */
export function describeExit({ code, signal, fatal }: GatewayExit): string {
  return fatal ?? (signal === null ? `it exited with code ${code}` : `it was ended by ${signal}`);
}
