/**
 * What a scenario runs with: starts mocks and contenders, each on its cores, takes figures, and ends every process it started. One
 * rig a scenario.
 */
import type { MockOptions } from '../load/mock-options.ts';
import { startPeer } from '../peers/all.ts';
import type { Contender, StartOptions } from '../peers/contender.ts';
import type { Curve, Measurement, ScenarioResult, Verdict } from '../report/results.ts';
import type { ContenderName, Figure, Mock, Rig, Scenario } from '../scenarios/scenario.ts';
import { PLANS } from '../scenarios/windows.ts';
import { type PortChild, startFile, stopChild } from './child.ts';
import { onAllCores, pin } from './pinning.ts';
import { Recorder } from './recorder.ts';

/** Of a full run. */
export const ROUNDS = 5;

export interface RigOptions {
  quick: boolean;
  /** Null: as many as the scenario takes of itself. */
  rounds: number | null;
  contenders: readonly ContenderName[];
  /** Folder of another checkout of Penstock, for `before`; null: none. */
  against: string | null;
}

export class BenchRig implements Rig {
  readonly quick: boolean;
  readonly rounds: number;
  readonly contenders: readonly ContenderName[];
  readonly recorder: Recorder;
  readonly #name: string;
  readonly #against: string | null;
  readonly #startedMs = performance.now();
  readonly #stops: (() => Promise<void>)[] = [];
  /** What is on its way up: it has to be there before it can be ended. */
  readonly #starting = new Set<Promise<unknown>>();
  #closed = false;

  constructor(options: RigOptions, scenario: Scenario) {
    this.quick = options.quick;
    this.rounds = options.rounds ?? (options.quick ? PLANS[scenario.name].quickRounds : ROUNDS);
    this.contenders = options.contenders;
    this.recorder = new Recorder(scenario.name, scenario.title);
    this.#name = scenario.name;
    this.#against = options.against;
  }

  get measurements(): readonly Measurement[] {
    return this.recorder.measurements;
  }

  say(text: string): void {
    if (this.#closed) return;
    const seconds = Math.round((performance.now() - this.#startedMs) / 1000);
    process.stderr.write(`  ${this.#name} ${String(seconds).padStart(4)} s  ${text}\n`);
  }

  async mock(options: Partial<MockOptions> = {}): Promise<Mock> {
    const start = (): Promise<PortChild> => startFile('load/mock.ts', [JSON.stringify(options)]);
    const { pid, url } = await this.#begin(start, ({ child }) => stopChild(child));
    pin(pid, 'others');
    return { url: options.tls ? url.replace('http:', 'https:') : url, pid };
  }

  async start(name: ContenderName, upstream: string, options: StartOptions = {}): Promise<Contender | null> {
    if (!this.contenders.includes(name)) return null;
    try {
      const contender = await this.#begin(
        async () => stoppedOnce(await onAllCores(() => startPeer(name, upstream, options, this.#against))),
        ({ stop }) => stop(),
      );
      for (const pid of contender.pids()) pin(pid, 'contender');
      for (const pid of contender.behindPids()) pin(pid, 'others');
      return contender;
    } catch (error) {
      this.skipped(name, (error as Error).message);
      return null;
    }
  }

  ends(stop: () => Promise<void> | void): void {
    this.#stops.push(async () => stop());
  }

  measured(figure: Figure): void {
    this.recorder.measured(figure);
  }

  curve(curve: Curve): void {
    this.recorder.curve(curve);
  }

  verdict(verdict: Verdict): void {
    this.recorder.verdict(verdict);
  }

  skipped(what: string, why: string): void {
    this.say(`${what} is left out: ${why}`);
    this.recorder.skipped(what, why);
  }

  note(text: string): void {
    this.recorder.note(text);
  }

  result(): ScenarioResult {
    return this.recorder.result(Math.round((performance.now() - this.#startedMs) / 1000));
  }

  async #begin<T>(start: () => Promise<T>, stop: (started: T) => Promise<void>): Promise<T> {
    if (this.#closed) throw new Error('the run was broken off');
    const started = start().then((one) => {
      this.#stops.push(() => stop(one));
      return one;
    });
    this.#starting.add(started);
    return started.finally(() => this.#starting.delete(started));
  }

  /** Ends what is still there, the last started first, and starts nothing more. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.allSettled(this.#starting);
    for (const stop of this.#stops.splice(0).reverse()) {
      await stop().catch((error: Error) => this.say(`a process did not end well: ${error.message}`));
    }
  }
}

/** A scenario may stop a contender before the rig does. */
function stoppedOnce(contender: Contender): Contender {
  let stopped: Promise<void> | null = null;
  const stop = (): Promise<void> => {
    stopped ??= contender.stop();
    return stopped;
  };
  return { ...contender, stop };
}
