/** Penstock before a mock, with `thread-profiler.ts` in every thread; profiles are asked for by signal and read from a folder. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Contender } from '../peers/contender.ts';
import { KEY, startPenstock } from '../peers/penstock.ts';
import { type PortChild, poll, startFile, stopChild } from '../rig/child.ts';
import { cpuTime } from '../rig/cpu-time.ts';
import { pin } from '../rig/pinning.ts';
import type { Load } from './loads.ts';
import { PROFILE_ENV, type ProfileOrder, type ThreadProfile } from './thread-profile.ts';

const ANSWER_BOUND_MS = 60_000;
const PLACES = 60_000;

export interface Taken {
  threads: ThreadProfile[];
  units: number;
  seconds: number;
  /** CPU time of the whole gateway process, helper threads of the runtime included. */
  processMs: number;
}

export class ProfiledGateway {
  readonly #contender: Contender;
  readonly #mock: PortChild;
  readonly #folder: string;
  readonly #threads: string[];

  private constructor(contender: Contender, mock: PortChild, folder: string, fronts: number) {
    this.#contender = contender;
    this.#mock = mock;
    this.#folder = folder;
    const names = Array.from({ length: fronts }, (_, index) => `front-${index}`);
    this.#threads = fronts === 0 ? ['primary'] : ['primary', ...names, 'usage-writer'];
  }

  static async start(load: Load, kind: ProfileOrder['kind'], fronts: number): Promise<ProfiledGateway> {
    const folder = mkdtempSync(join(tmpdir(), 'penstock-profile-'));
    const mock = await startFile('load/mock.ts', [JSON.stringify(load.mock)]);
    pin(mock.pid, 'others');
    try {
      const start = () => startPenstock(mock.url, { config: configuration(load, mock.url, fronts) });
      const contender = await withProfiler({ folder, kind }, start);
      for (const pid of contender.pids()) pin(pid, 'contender');
      for (const pid of contender.behindPids()) pin(pid, 'others');
      return new ProfiledGateway(contender, mock, folder, fronts);
    } catch (error) {
      await stopChild(mock.child);
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  get url(): string {
    return this.#contender.url;
  }

  /** Profiles of all threads while `work` lasts, which resolves with the units it got done. */
  async take(work: () => Promise<number>): Promise<Taken> {
    await this.#signal('started');
    const before = cpuTime(this.#contender.pids());
    const startedMs = performance.now();
    const units = await work();
    const seconds = (performance.now() - startedMs) / 1000;
    const after = cpuTime(this.#contender.pids());
    await this.#signal('json');
    const threads = this.#threads.map((name) => this.#read(name));
    return { threads, units, seconds, processMs: after.userMs + after.systemMs - before.userMs - before.systemMs };
  }

  async stop(): Promise<void> {
    await this.#contender.stop();
    await stopChild(this.#mock.child);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Resolves when every thread has left the file that says so. */
  async #signal(extension: 'started' | 'json'): Promise<void> {
    process.kill(this.#contender.pids()[0]!, 'SIGUSR2');
    const files = this.#threads.map((name) => join(this.#folder, `${name}.${extension}`));
    await poll(`the threads' ${extension} files`, () => files.every((file) => existsSync(file)), ANSWER_BOUND_MS);
  }

  #read(thread: string): ThreadProfile {
    return JSON.parse(readFileSync(join(this.#folder, `${thread}.json`), 'utf8')) as ThreadProfile;
  }
}

function configuration({ accounts }: Load, upstream: string, fronts: number): Record<string, unknown> {
  const threads = { threads: { fronts } };
  if (accounts === 1) return threads;
  const common = { platform: 'anthropic', type: 'apikey', baseUrl: upstream, concurrency: PLACES };
  // A list of its own for each: one that they share would become a thousand aliases in YAML, which its reader refuses.
  const many = Array.from({ length: accounts }, (_, i) => ({
    ...common,
    name: `a${i}`,
    apiKey: `sk-up-${i}`,
    groups: ['main'],
  }));
  const users = [{ name: 'bench', balanceUsd: 1_000_000, concurrency: PLACES }];
  const keys = [{ user: 'bench', group: 'main', key: KEY }];
  return { ...threads, catalog: { groups: [{ name: 'main' }], accounts: many, users, keys } };
}

/** Only what is started meanwhile is preloaded. */
async function withProfiler<T>(order: ProfileOrder, start: () => Promise<T>): Promise<T> {
  mkdirSync(order.folder, { recursive: true });
  const preload = `--import=${new URL('thread-profiler.ts', import.meta.url).href}`;
  const before = { NODE_OPTIONS: process.env['NODE_OPTIONS'], [PROFILE_ENV]: process.env[PROFILE_ENV] };
  process.env['NODE_OPTIONS'] = `${before.NODE_OPTIONS ?? ''} ${preload}`.trim();
  process.env[PROFILE_ENV] = JSON.stringify(order);
  try {
    return await start();
  } finally {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}
