/**
 * One gateway process as its supervisor sees it: forked, ready or failed, drained, gone.
 *
 *   forked ──start──► starting ──ready──► serving ──drain──► draining ──► exit 0
 *                        └─fatal─► exit 1          └─ abort ─► exit by signal
 *
 * A forked process loads its modules and waits: at the first start that happens while PostgreSQL is being made.
 *
 * Supervisor process only.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import type { PrimaryOptions } from './primary-options.ts';
import type { GatewayToSupervisor, SupervisorToGateway } from './protocol.ts';

export type GatewayReady = Extract<GatewayToSupervisor, { type: 'ready' }>;

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

export class GatewayProcess {
  readonly #child: ChildProcess;
  #started = false;
  #fatal: string | null = null;
  /** Resolves once traffic is accepted; null when the process ends before that. */
  readonly ready: Promise<GatewayReady | null>;
  readonly exited: Promise<GatewayExit>;
  /** Resolves to a front that takes no turns any more: the process has to be replaced. */
  readonly stuck: Promise<number>;

  constructor(pools: ThreadPools) {
    this.#child = fork(MAIN, ['--gateway'], {
      execPath: process.execPath,
      execArgv: ['--disable-warning=ExperimentalWarning', `--v8-pool-size=${pools.v8}`],
      env: { ...process.env, UV_THREADPOOL_SIZE: String(pools.libuv) },
      serialization: 'advanced',
    });
    this.exited = this.#watchExit();
    this.ready = this.#watchReady();
    this.stuck = this.#watchStuck();
  }

  start(options: PrimaryOptions): void {
    this.#started = true;
    this.#send({ type: 'start', options });
  }

  /** 0 when it could not be started at all; `exited` then says why. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Stop accepting, finish streams, flush, exit 0. May be sent twice. */
  drain(): void {
    if (this.#started) this.#send({ type: 'drain' });
    else this.kill();
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #send(message: SupervisorToGateway): void {
    // The channel closes before the exit is seen; a message that meets the gap has no reader any more.
    if (this.#child.connected) this.#child.send(message, () => {});
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

  #watchReady(): Promise<GatewayReady | null> {
    return new Promise((resolve) => {
      this.#child.on('message', (message: GatewayToSupervisor) => {
        if (message.type === 'ready') resolve(message);
        else if (message.type === 'fatal') this.#fatal = message.message;
      });
      void this.exited.then(() => resolve(null));
    });
  }

  #watchStuck(): Promise<number> {
    return new Promise((resolve) => {
      this.#child.on('message', (message: GatewayToSupervisor) => {
        if (message.type === 'stuck') resolve(message.front);
      });
    });
  }
}

/** One clause for a log line or an error. */
export function describeExit({ code, signal, fatal }: GatewayExit): string {
  return fatal ?? (signal === null ? `it exited with code ${code}` : `it was ended by ${signal}`);
}
