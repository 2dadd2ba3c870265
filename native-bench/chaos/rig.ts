/**
 * What every scenario stands on: a scripted upstream with its ledger, a gateway on a fixed port with two small accounts (so that
 * requests queue and every kind of place is in use), mixed traffic, and a prober with a user and an account of its own.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { closeAll } from '../../test/support/close-all.ts';
import { freePort } from '../../test/support/free-port.ts';
import { account, type ConfigPatch, KEY, type ReadyFile, TestGateway } from '../../test/support/gateway.ts';
import { seededRandom } from '../../test/support/seeded-random.ts';
import { connectEmbedded, connectSql, type Sql } from '../../test/support/test-postgres.ts';
import { type Plan, type Received, Upstream } from '../../test/support/upstream.ts';
import { waitFor } from '../../test/support/wait-for.ts';
import { type Audit, audit } from './audit.ts';
import { readDebits, readRows } from './books.ts';
import { Prober } from './prober.ts';
import type { Outcome } from './scenario.ts';
import { type Asked, ask, HUNG, Traffic } from './traffic.ts';

const PROBE_KEY = 'sk-ps-probe-000000000000000000000000000000000000';
const BALANCE_USD = 100_000;
const USERS = 2;
const NANO_PER_USD = 1_000_000_000n;
/** Below the number of clients, so that some always wait. */
const ACCOUNT_PLACES = 9;
const CLIENTS = 24;
const SETTLE_BOUND_MS = 20_000;
const FLUSH_BOUND_MS = 60_000;

export interface RigOptions {
  seed: number;
  /** Sections over those of the rig. */
  config?: ConfigPatch;
  /** Share of streaming requests, 0.5. */
  streams?: number;
  clients?: number;
  fresh?: boolean;
  /** PostgreSQL of our own instead of the embedded one: how the harness reaches it. */
  booksUrl?: string;
}

/** Numbers above what the gateway estimates from the bytes of any part of such an answer. */
function usageOfPlan(index: number, events: number): Plan['usage'] {
  return { inputTokens: 1_000 + (index % 997), outputTokens: 300 + 20 * events };
}

function planner(seed: number): (request: Received) => Plan {
  const random = seededRandom(seed);
  return ({ index, stream, label }) => {
    const events = label.startsWith('probe') ? 1 : 2 + Math.floor(random() * 30);
    const usage = usageOfPlan(index, events) ?? {};
    if (!stream) return { events, usage, headersAfterMs: label.startsWith('probe') ? 0 : Math.floor(random() * 40) };
    return { events, usage, paceMs: 1 + Math.floor(random() * 20) };
  };
}

function catalog(upstreamUrl: string): Record<string, object[]> {
  const main = { concurrency: ACCOUNT_PLACES };
  return {
    groups: [
      { name: 'main', platform: 'anthropic', rateMultiplier: 1 },
      { name: 'probe', platform: 'anthropic', rateMultiplier: 1 },
    ],
    accounts: [
      account('a1', upstreamUrl, main),
      account('a2', upstreamUrl, main),
      account('probe', upstreamUrl, { groups: ['probe'] }),
    ],
    users: [
      { name: 'u1', balanceUsd: BALANCE_USD, concurrency: 1000 },
      { name: 'probe', balanceUsd: BALANCE_USD, concurrency: 1000 },
    ],
    keys: [
      { user: 'u1', group: 'main', key: KEY },
      { user: 'probe', group: 'probe', key: PROBE_KEY },
    ],
  };
}

export class Rig {
  readonly gateway: TestGateway;
  readonly upstream: Upstream;
  readonly random: () => number;
  readonly #options: RigOptions;
  #traffic: Traffic | null = null;
  #prober: Prober | null = null;
  #rounds = 0;
  readonly #asked: Asked[] = [];

  private constructor(gateway: TestGateway, upstream: Upstream, options: RigOptions) {
    this.gateway = gateway;
    this.upstream = upstream;
    this.#options = options;
    this.random = seededRandom(options.seed + 1);
  }

  static async start(options: RigOptions): Promise<Rig> {
    const upstream = await Upstream.start({ plan: planner(options.seed) });
    try {
      const gateway = await TestGateway.start({
        listen: { host: '127.0.0.1', port: await freePort() },
        catalog: catalog(upstream.url),
        log: { level: 'error' },
        // Kills come faster than in life: the pause between restarts must not grow with their number.
        supervisor: { restartMinMs: 100, restartMaxMs: 100 },
        ...options.config,
      });
      return new Rig(gateway, upstream, options);
    } catch (error) {
      await upstream.close();
      throw error;
    }
  }

  get prober(): Prober {
    if (this.#prober === null) throw new Error('the load is not running');
    return this.#prober;
  }

  get traffic(): Traffic {
    if (this.#traffic === null) throw new Error('the load is not running');
    return this.#traffic;
  }

  /** Starts traffic and prober; resolves once answers complete and some streams are open. */
  async startLoad(): Promise<void> {
    const { streams = 0.5, fresh = false, clients = CLIENTS } = this.#options;
    const base = this.gateway.url;
    const label = `load${this.#rounds++}`;
    this.#traffic = new Traffic({ base, key: KEY, clients, label, streams, fresh });
    this.#prober = new Prober(base, PROBE_KEY, `probe-${label}`);
    await this.flowing();
  }

  /** Waits until answers complete again and all places are in use. */
  async flowing(): Promise<void> {
    const { traffic, upstream } = this;
    const before = traffic.completed;
    await waitFor('traffic', () => traffic.completed >= before + CLIENTS && upstream.openNow() >= ACCOUNT_PLACES, {
      boundMs: 60_000,
    });
  }

  async stopLoad(): Promise<void> {
    await Promise.all([this.traffic.stop(), this.prober.stop()]);
    this.#asked.push(...this.traffic.asked, ...this.prober.asked);
    this.#traffic = null;
    this.#prober = null;
  }

  /** One request beside the load, audited like it. */
  ask(label: string, headers: Record<string, string> = {}): Promise<Asked> {
    return ask({ base: this.gateway.url, key: KEY, label, stream: false, headers }, this.#asked);
  }

  /** A pause of random length: the moment of an event is nowhere in particular. */
  async anyTime(minMs: number, maxMs: number): Promise<void> {
    await sleep(minMs + this.random() * (maxMs - minMs));
  }

  /** Accounts that had more answers open at once than they may. */
  overLimit(): string[] {
    return [...this.upstream.openMax]
      .filter(([apiKey, most]) => apiKey !== 'sk-up-probe' && most > ACCOUNT_PLACES)
      .map(([apiKey, most]) => `${apiKey} ${most} of ${ACCOUNT_PLACES}`);
  }

  /** The process ids as the ready file has them now. */
  ready(): ReadyFile {
    return JSON.parse(readFileSync(join(this.gateway.dataDir, 'ready'), 'utf8'));
  }

  /** Resolves when the ready file names another gateway process. */
  async nextGateway(before: number, boundMs = 60_000): Promise<void> {
    this.gateway.ready = await waitFor(
      'the next gateway process',
      () => {
        try {
          const ready = this.ready();
          return ready.gatewayPid !== before && ready;
        } catch {
          return false;
        }
      },
      { boundMs, everyMs: 5 },
    );
  }

  /**
   * After the load has ended: waits for everything to be given back and written, reads the books, and fills in what all scenarios
   * share of an outcome. `failures` holds what every scenario promises.
   */
  async outcome(scenario: string, promise: string, events: number): Promise<Outcome> {
    const leftOver = await this.#leftOver();
    const failures: string[] = [];
    await this.#flush().catch((error: Error) => failures.push(`records did not reach PostgreSQL: ${error.message}`));
    const result = await this.#audit();
    if (leftOver.length > 0) failures.push(`left over: ${leftOver.join(', ')}`);
    failures.push(...commonFailures(result));
    const fronts = new Set(this.#asked.map(({ front }) => front).filter((front) => front !== ''));
    if (fronts.size < 2) failures.push('fewer than two fronts answered');
    const { unanswered } = result;
    const connects = { refused: unanswered['ECONNREFUSED'] ?? 0, reset: unanswered['ECONNRESET'] ?? 0 };
    return {
      scenario,
      events,
      notRun: null,
      audit: result,
      service: null,
      connects,
      leftOver,
      promise,
      failures,
      notes: [],
    };
  }

  /** Ends everything by force; what a scenario found is in its outcome. */
  async close(): Promise<void> {
    await closeAll(
      async () => {
        await this.gateway.kill();
        if (this.#traffic !== null) await this.stopLoad();
      },
      () => this.gateway.stop(),
      () => this.upstream.close(),
    );
  }

  async #audit(): Promise<Audit> {
    const sql = this.#connect();
    try {
      const opened = BigInt(BALANCE_USD * USERS) * NANO_PER_USD;
      const [rows, debitedNanoUsd] = [await readRows(sql), await readDebits(sql, opened)];
      return audit({ asked: this.#asked, ledger: this.upstream.ledger, rows, debitedNanoUsd });
    } finally {
      await sql.end({ timeout: 1 });
    }
  }

  #connect(): Sql {
    const { booksUrl } = this.#options;
    return booksUrl === undefined ? connectEmbedded(this.gateway.dataDir) : connectSql(booksUrl);
  }

  async #flush(): Promise<void> {
    await waitFor(
      'a flush',
      () =>
        this.gateway.flush().then(
          () => true,
          () => false,
        ),
      {
        boundMs: FLUSH_BOUND_MS,
        everyMs: 100,
      },
    );
  }

  async #leftOver(): Promise<string[]> {
    let held: string[] = [];
    await waitFor(
      'everything given back',
      async () => {
        const metrics = await this.gateway.metrics().catch(() => new Map<string, number>());
        held = [...metrics]
          .filter(([name, value]) => value !== 0 && HELD.test(name))
          .map(([name, n]) => `${name} ${n}`);
        if (metrics.size === 0) held = ['the metrics page does not answer'];
        return held.length === 0;
      },
      { boundMs: SETTLE_BOUND_MS },
    ).catch(() => {});
    return held;
  }
}

const HELD = /^penstock_(exchanges_open|slots_held|queue_waiting|body_bytes_held|stream_bytes_held)(\{|$)/;

/** What no event whatsoever excuses. */
function commonFailures(result: Audit): string[] {
  const failures: string[] = [];
  const hung = result.unanswered[HUNG] ?? 0;
  if (hung > 0) failures.push(`${hung} requests hung`);
  if (result.twice > 0) failures.push(`${result.twice} rows twice`);
  if (result.invented > 0) failures.push(`${result.invented} rows for nothing served`);
  if (result.interrupted.above > 0)
    failures.push(`${result.interrupted.above} interrupted answers billed above the whole`);
  if (result.chargedNanoUsd !== result.debitedNanoUsd) {
    failures.push(`rows charge ${result.chargedNanoUsd} nano-USD, balances fell by ${result.debitedNanoUsd}`);
  }
  return failures;
}
