/**
 * What a scenario runs with: starts mocks and contenders, each on its cores, takes figures, and ends every process it started. One
 * rig a scenario.
 */
import type { MockOptions } from '../load/mock-options.ts';
import { startPeer } from '../peers/all.ts';
import type { Contender, StartOptions } from '../peers/contender.ts';
import type { Curve, Measurement, ScenarioResult, Verdict } from '../report/results.ts';
import type { ContenderName, Figure, Mock, Rig, Scenario } from '../scenarios/scenario.ts';
import { startFile, stopChild } from './child.ts';
import { pin } from './pinning.ts';
import { Recorder } from './recorder.ts';

export interface RigOptions {
  quick: boolean;
  rounds: number;
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

  constructor(options: RigOptions, scenario: Scenario) {
    this.quick = options.quick;
    this.rounds = options.rounds;
    this.contenders = options.contenders;
    this.recorder = new Recorder(scenario.name, scenario.title);
    this.#name = scenario.name;
    this.#against = options.against;
  }

  get measurements(): readonly Measurement[] {
    return this.recorder.measurements;
  }

  say(text: string): void {
    const seconds = Math.round((performance.now() - this.#startedMs) / 1000);
    process.stderr.write(`  ${this.#name} ${String(seconds).padStart(4)} s  ${text}\n`);
  }

  async mock(options: Partial<MockOptions> = {}): Promise<Mock> {
    const { child, pid, url } = await startFile('load/mock.ts', [JSON.stringify(options)]);
    this.#stops.push(() => stopChild(child));
    pin(pid, 'others');
    return { url: options.tls ? url.replace('http:', 'https:') : url, pid };
  }

  async start(name: ContenderName, upstream: string, options: StartOptions = {}): Promise<Contender | null> {
    if (!this.contenders.includes(name)) return null;
    try {
      const contender = await startPeer(name, upstream, options, this.#against);
      let stopped: Promise<void> | null = null;
      const stop = (): Promise<void> => {
        stopped ??= contender.stop();
        return stopped;
      };
      this.#stops.push(stop);
      for (const pid of contender.pids()) pin(pid, 'contender');
      for (const pid of contender.behindPids()) pin(pid, 'others');
      return { ...contender, stop };
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

  /** Ends what is still there, the last started first. */
  async close(): Promise<void> {
    for (const stop of this.#stops.splice(0).reverse()) {
      await stop().catch((error: Error) => this.say(`a process did not end well: ${error.message}`));
    }
  }
}
