/**
 * The gateway whose memory is measured: started with its configuration, sampled while clients come, and set against the worst case
 * that the product itself adds up from that configuration.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatWorstCase, frontCount, type WorstCase, worstCase } from '../../src/config/limits.ts';
import { loadConfig } from '../../src/config/load.ts';
import { account, type ConfigPatch, KEY, TestGateway } from '../../test/support/gateway.ts';
import { type PortChild, startFile, stopChild } from '../rig/child.ts';
import { settledBytes, withForcedGc } from './forced-gc.ts';
import { resident } from './resident.ts';

const SAMPLE_MS = 200;
/** Of the worst case: processes other than the gateway. */
const ELSEWHERE = ['supervisor', 'embedded PostgreSQL'];
const GAUGES = ['penstock_body_bytes_held', 'penstock_stream_bytes_held', 'penstock_exchanges_open'] as const;

/** One upstream for a whole crowd, on a machine that it shares with it. */
const RELAY = { connectionsPerOrigin: 16_384, connectTimeoutMs: 30_000 };

export interface Peaks {
  bodyBytes: number;
  streamBytes: number;
  exchanges: number;
}

export class Subject {
  readonly gateway: TestGateway;
  readonly mock: PortChild;
  readonly worst: WorstCase;
  readonly fronts: number;
  readonly pidAtStart: number;
  readonly startBytes: number;
  readonly peaks: Peaks = { bodyBytes: 0, streamBytes: 0, exchanges: 0 };
  #stopped = false;
  readonly #sampling: Promise<void>;

  private constructor(gateway: TestGateway, mock: PortChild) {
    this.gateway = gateway;
    this.mock = mock;
    const { config } = loadConfig({ configPath: gateway.configFile, env: {} });
    this.fronts = frontCount(config);
    this.worst = worstCase(config, this.fronts);
    this.pidAtStart = gateway.gatewayPid;
    this.startBytes = this.resident().nowBytes;
    this.#sampling = this.#sample();
  }

  static async start(config: ConfigPatch): Promise<Subject> {
    const mock = await startFile(new URL('mock.ts', import.meta.url).href, []);
    const places = { concurrency: 65_535 };
    const catalog = {
      groups: [{ name: 'main', platform: 'anthropic', rateMultiplier: 1 }],
      accounts: [account('a1', mock.url, places)],
      users: [{ name: 'u1', balanceUsd: 1_000_000, ...places }],
      keys: [{ user: 'u1', group: 'main', key: KEY }],
    };
    const relay = { ...RELAY, ...(config['relay'] as object) };
    const patch = { catalog, log: { level: 'error' }, test: {}, ...config, relay };
    try {
      return new Subject(await withForcedGc(() => TestGateway.start(patch)), mock);
    } catch (error) {
      await stopChild(mock.child);
      throw error;
    }
  }

  resident(): { nowBytes: number; peakBytes: number } {
    return resident(this.gateway.gatewayPid);
  }

  /** What the gateway process alone may hold at worst. */
  get worstBytes(): number {
    const others = this.worst.lines.filter(({ name }) => ELSEWHERE.includes(name));
    return this.worst.totalBytes - others.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  get worstTable(): string {
    return formatWorstCase(this.worst);
  }

  /** Resident bytes after every thread has collected its garbage, twice, and given pages back. */
  settled(): Promise<number> {
    return settledBytes([this.gateway.gatewayPid]);
  }

  /** The process id as the ready file has it now. */
  pidNow(): number {
    return JSON.parse(readFileSync(join(this.gateway.dataDir, 'ready'), 'utf8')).gatewayPid;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#sampling;
    await this.gateway.kill();
    await this.gateway.stop();
    await stopChild(this.mock.child);
  }

  async #sample(): Promise<void> {
    for (; !this.#stopped; await sleep(SAMPLE_MS)) {
      const metrics = await this.gateway.metrics().catch(() => new Map<string, number>());
      const [body = 0, stream = 0, exchanges = 0] = GAUGES.map((name) => metrics.get(name) ?? 0);
      this.peaks.bodyBytes = Math.max(this.peaks.bodyBytes, body);
      this.peaks.streamBytes = Math.max(this.peaks.streamBytes, stream);
      this.peaks.exchanges = Math.max(this.peaks.exchanges, exchanges);
    }
  }
}
