/**
 * The line of gateway processes of one supervisor: at most one serves, at most one before it still finishes what it has in use.
 *
 *             crash: pause (doubling)                      SIGHUP, or a front that takes no turns
 *          ┌───────────────────────────┐        ┌─────────────────────────────────────────────────────┐
 *          ▼                           │        ▼                                                     │
 *   raise: fork ─► prepared ─► [old: handOver] ─► takeOver ─► ready ─► serve: current ────────────────┘
 *             │                      │                │                   └─► [old: drain, predecessor] ─► exit: predecessorEnded
 *             └─ fails ──────────────┴── fails ───────┴─► the old one goes on, or resumes; without one: pause, again
 *
 * One predecessor at a time: a further wish waits for its end. When the current one dies while there is a predecessor, the next one
 * takes over from the predecessor, whose figures are the truth. Supervisor process only.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '#base/logger.ts';
import { StartupError } from '#base/startup-error.ts';
import { describeExit, type GatewayProcess, type GatewayReady, type GatewayWords } from './gateway-process.ts';
import type { PrimaryOptions } from './primary-options.ts';
import type { PeerMessage } from './protocol.ts';

/** A gateway process that served this long has recovered: the next crash starts at the shortest pause again. */
const STABLE_MS = 60_000;
/** The old process answers from memory; one that does not has a primary that stands still. */
const HANDOVER_MS = 5_000;
/** For the last words of a stuck process's healthy fronts. */
const STUCK_MARGIN_MS = 1_000;

export interface SuccessionBounds {
  restartMinMs: number;
  restartMaxMs: number;
  /** At the end of the whole gateway. */
  drainMs: number;
  /** For what the healthy fronts of a stuck process still serve; its stuck one leaves new connections unanswered meanwhile. */
  stuckDrainMs: number;
  /** For what a process serves after another has taken over. */
  reloadDrainMs: number;
  /** On top of these, before it is killed; a stuck process does not end by itself and is not waited for. */
  marginMs: number;
}

export interface SuccessionParts {
  fork(words: GatewayWords): GatewayProcess;
  options(): PrimaryOptions;
  bounds(): SuccessionBounds;
  /** Traffic is accepted by the process with this id. */
  onReady(pid: number, ready: GatewayReady): void;
  /** Processes that are alive now, the newest first. */
  onProcesses(pids: number[]): void;
  log: Logger;
  /** The whole gateway ends. */
  stop: AbortSignal;
}

/** What a supervisor does with its gateway, be it processes of their own or (`gateway-here.ts`) this one. */
export interface GatewayLine {
  forkAhead(): void;
  run(): Promise<number>;
  reload(): void;
  restart(): void;
  kill(): void;
}

/** Why the next process is wanted. */
interface Wish {
  readonly stuck: boolean;
}

export class Succession implements GatewayLine {
  readonly #parts: SuccessionParts;
  readonly #words: GatewayWords;
  readonly #kills = new Map<GatewayProcess, { timer: NodeJS.Timeout; atMs: number }>();
  /** Forked ahead, while something else is waited for. */
  #spare: GatewayProcess | null = null;
  #next: GatewayProcess | null = null;
  #current: GatewayProcess | null = null;
  #predecessor: GatewayProcess | null = null;
  /** Who has taken over from the predecessor: messages go between these two. */
  #successor: GatewayProcess | null = null;
  #wish: Wish | null = null;
  #everReady = false;
  #pauseMs: number;
  #changed = Promise.withResolvers<void>();

  constructor(parts: SuccessionParts) {
    this.#parts = parts;
    this.#pauseMs = parts.bounds().restartMinMs;
    this.#words = {
      onPeer: (from, message) => this.#pass(from, message),
      onStuck: (from, front) => this.#stuck(from, front),
    };
    parts.stop.addEventListener('abort', () => this.#change());
  }

  /** Begins to load the next process's modules. */
  forkAhead(): void {
    this.#spare ??= this.#parts.fork(this.#words);
  }

  /** Runs until the gateway is stopped; resolves to the exit code. Throws StartupError when the first process does not start. */
  async run(): Promise<number> {
    while (!this.#stopped) {
      const raised = await this.#raise();
      if (this.#stopped) break;
      if (!raised) await this.#goOn();
      if (this.#current !== null) await this.#serve(this.#current);
    }
    return this.#end();
  }

  /** The next process takes over as soon as there is no predecessor; several wishes are one. */
  reload(): void {
    if (this.#predecessor !== null || this.#next !== null)
      this.#parts.log.info('The next reload begins when the one before has finished its open answers');
    this.#wish ??= { stuck: false };
    this.#change();
  }

  /** Ends the serving process in order, so that another one starts. */
  restart(): void {
    this.#current?.drain(this.#parts.bounds().drainMs, true);
  }

  kill(): void {
    for (const gateway of this.#all()) gateway.kill();
  }

  get #stopped(): boolean {
    return this.#parts.stop.aborted;
  }

  /** False when it failed; the one before is then as it was, or still handed over as the predecessor. */
  async #raise(): Promise<boolean> {
    this.forkAhead();
    const next = this.#spare!;
    this.#spare = null;
    this.#next = next;
    this.#note();
    const wish = this.#wish;
    this.#wish = null;
    next.start(this.#parts.options());
    const ready = (await next.prepared) && !this.#stopped ? await this.#succeed(next) : null;
    this.#next = null;
    if (ready === null) {
      if (this.#stopped) return false;
      await this.#report(next);
      if (wish?.stuck) this.#wishAgain(wish);
      return false;
    }
    this.#current = next;
    this.#everReady = true;
    this.#parts.onReady(next.pid, ready);
    this.#note();
    if (this.#predecessor?.alive) this.#retire(this.#predecessor, wish);
    return true;
  }

  /** From here on the one that served is the predecessor. */
  async #succeed(next: GatewayProcess): Promise<GatewayReady | null> {
    if (this.#current !== null) this.#become(this.#current);
    const old = this.#predecessor;
    if (old === null || !old.alive) next.takeOver(null);
    else if (!(await this.#handOver(old, next))) {
      next.kill();
      await next.exited;
    }
    return next.ready;
  }

  #become(predecessor: GatewayProcess): void {
    this.#current = null;
    this.#predecessor = predecessor;
    void predecessor.exited.then(() => {
      if (this.#predecessor !== predecessor) return;
      this.#predecessor = null;
      this.#successor?.predecessorEnded();
      this.#successor = null;
      this.#note();
      this.#change();
    });
  }

  /** False when the old one is alive and does not answer. */
  async #handOver(old: GatewayProcess, next: GatewayProcess): Promise<boolean> {
    this.#successor = null;
    const handed = new Promise<'handed'>((resolve) => {
      // At once: what the old one says next is for the next one.
      old.handOver((handover) => {
        this.#successor = next;
        next.takeOver(handover);
        resolve('handed');
      });
    });
    const timer = new AbortController();
    const silent = sleep(HANDOVER_MS, 'silent' as const, { signal: timer.signal }).catch(() => 'silent' as const);
    const outcome = await Promise.race([handed, old.exited.then(() => 'ended' as const), silent]);
    timer.abort();
    if (outcome === 'ended') next.takeOver(null);
    if (outcome === 'silent')
      this.#parts.log.error(`Gateway process ${old.pid} did not hand over within ${HANDOVER_MS} ms`);
    return outcome !== 'silent';
  }

  /** The next process failed: the old one serves on, if there is one; else the next try follows after a pause. */
  async #goOn(): Promise<void> {
    if (this.#current?.alive) return;
    const old = this.#predecessor;
    if (old?.alive) {
      this.#predecessor = null;
      this.#successor = null;
      this.#letLive(old);
      old.resume();
      this.#current = old;
      this.#note();
      return this.#parts.log.warn(`Gateway process ${old.pid} serves on`);
    }
    this.#current = null;
    await this.#pause();
  }

  async #report(next: GatewayProcess): Promise<void> {
    const why = describeExit(await next.exited);
    if (!this.#everReady) throw new StartupError(`The gateway did not start: ${why}`);
    this.#parts.log.error(`The next gateway process did not start: ${why}`);
  }

  /** Returns when another process is needed, or the gateway is stopped. */
  async #serve(current: GatewayProcess): Promise<void> {
    const sinceMs = performance.now();
    while (!this.#stopped && current.alive && !(this.#wish !== null && this.#predecessor === null)) {
      await Promise.race([current.exited, this.#changed.promise]);
    }
    if (this.#stopped || current.alive) return;
    this.#current = null;
    if (this.#successor === current) this.#successor = null;
    // Its modules load during the pause.
    this.forkAhead();
    if (performance.now() - sinceMs > STABLE_MS) this.#pauseMs = this.#parts.bounds().restartMinMs;
    const why = describeExit(await current.exited);
    this.#parts.log.error(`The gateway process ended: ${why}; the next one starts in ${this.#pauseMs} ms`);
    await this.#pause();
  }

  async #pause(): Promise<void> {
    const pauseMs = this.#pauseMs;
    this.#pauseMs = Math.min(pauseMs * 2, this.#parts.bounds().restartMaxMs);
    await sleep(pauseMs, undefined, { signal: this.#parts.stop }).catch(() => {});
  }

  #retire(old: GatewayProcess, wish: Wish | null): void {
    const { stuckDrainMs, reloadDrainMs, marginMs } = this.#parts.bounds();
    const boundMs = wish?.stuck ? stuckDrainMs : reloadDrainMs;
    old.drain(boundMs, false);
    this.#killAfter(old, boundMs, wish?.stuck ? STUCK_MARGIN_MS : marginMs);
  }

  /** At the latest; a sooner end that was set before stays. */
  #killAfter(gateway: GatewayProcess, boundMs: number, marginMs: number): void {
    const killMs = boundMs + marginMs;
    const atMs = performance.now() + killMs;
    if ((this.#kills.get(gateway)?.atMs ?? Number.POSITIVE_INFINITY) <= atMs) return;
    this.#letLive(gateway);
    const timer = setTimeout(() => {
      const text = `Gateway process ${gateway.pid} did not end within ${killMs} ms: killed; its records are in the journal`;
      this.#parts.log.error(text);
      gateway.kill();
    }, killMs);
    this.#kills.set(gateway, { timer, atMs });
    void gateway.exited.then(() => this.#letLive(gateway));
  }

  #letLive(gateway: GatewayProcess): void {
    clearTimeout(this.#kills.get(gateway)?.timer);
    this.#kills.delete(gateway);
  }

  #pass(from: GatewayProcess, message: PeerMessage): void {
    if (from === this.#predecessor) this.#successor?.tell(message);
    else if (from === this.#successor) this.#predecessor?.tell(message);
  }

  /** A thread that takes no turns cannot be ended from within its process. */
  #stuck(from: GatewayProcess, front: number): void {
    if (from !== this.#current) return;
    this.#parts.log.error(`Front ${front} takes no turns any more: another gateway process takes over`);
    this.#wish = { stuck: true };
    this.#predecessor?.drain(this.#parts.bounds().drainMs, true);
    this.#change();
  }

  #wishAgain(wish: Wish): void {
    const timer = setTimeout(() => {
      this.#wish ??= wish;
      this.#change();
    }, this.#parts.bounds().restartMaxMs);
    timer.unref();
  }

  /** Drains whatever is alive, one that was never ready by killing it. */
  async #end(): Promise<number> {
    const { drainMs, marginMs } = this.#parts.bounds();
    const last = this.#current ?? this.#predecessor;
    const all = this.#all();
    for (const gateway of all) {
      if (!gateway.serving) gateway.kill();
      else gateway.drain(drainMs, true);
      this.#killAfter(gateway, drainMs, marginMs);
    }
    await Promise.all(all.map((gateway) => gateway.exited));
    return last === null || (await last.exited).code === 0 ? 0 : 1;
  }

  #all(): GatewayProcess[] {
    const all = [this.#next, this.#spare, this.#current, this.#predecessor];
    return all.filter((gateway) => gateway?.alive === true) as GatewayProcess[];
  }

  #note(): void {
    this.#parts.onProcesses(this.#all().flatMap(({ pid }) => (pid === 0 ? [] : [pid])));
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }
}
