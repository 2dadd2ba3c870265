/**
 * What the tests of the official clients share: three fronts, an account of each platform at one scripted upstream, and the rows that a
 * piece of work has added to the books.
 */
import assert from 'node:assert/strict';
import { closeAll } from './close-all.ts';
import { account, type ConfigPatch, KEY, TestGateway } from './gateway.ts';
import type { TokenUse } from './model-script.ts';
import { Upstream } from './upstream.ts';
import { type UsageRow, usageOf } from './usage.ts';
import { waitFor } from './wait-for.ts';

/** A row of the books, as a client's tests compare it. */
export interface Billed extends UsageRow {
  protocol: string;
  upstreamProtocol: string;
  cacheReadTokens: number;
  reasoningTokens: number;
  account: string;
}

export const LIMITED_KEY = `${KEY}-limited`;
export const POOR_KEY = `${KEY}-poor`;
export const REVOKED_KEY = `${KEY}-revoked`;

const PLATFORM_MODELS: readonly (readonly [platform: string, models: string[]])[] = [
  ['anthropic', ['claude*']],
  ['openai', ['gpt*', 'text-embedding*']],
  ['gemini', ['gemini*']],
];

/** One account a platform; of each a second group `limited`, whose accounts rest for themselves, and a user without money. */
export function platformCatalog(url: string): Record<string, object[]> {
  const accounts = ['main', 'limited'].flatMap((group) =>
    PLATFORM_MODELS.map(([platform, models]) =>
      account(`${platform}-${group}`, url, { platform, models, groups: [group] }),
    ),
  );
  return {
    groups: ['main', 'limited'].map((name) => ({ name, platform: 'anthropic', rateMultiplier: 1 })),
    accounts,
    users: [
      { name: 'u1', balanceUsd: 1000, concurrency: 100 },
      { name: 'poor', balanceUsd: 0, concurrency: 100 },
    ],
    keys: [
      { user: 'u1', group: 'main', key: KEY },
      { user: 'u1', group: 'limited', key: LIMITED_KEY },
      { user: 'poor', group: 'main', key: POOR_KEY },
      { user: 'u1', group: 'main', key: REVOKED_KEY },
    ],
  };
}

export class ClientScene {
  readonly upstream: Upstream;
  readonly gateway: TestGateway;

  private constructor(upstream: Upstream, gateway: TestGateway) {
    this.upstream = upstream;
    this.gateway = gateway;
  }

  static async start(patch: ConfigPatch = {}, catalog = platformCatalog): Promise<ClientScene> {
    const upstream = await Upstream.start();
    const pricing = { fallback: { input: 1, output: 2, cacheRead: 0.5, cacheWrite5m: 1.25, cacheWrite1h: 2 } };
    const rest = { rateLimitMs: 300, overloadedMs: 300, authMs: 300, errorMs: 300 };
    try {
      const relay = { clientGoneDrainMs: 200 };
      const gateway = await TestGateway.start({ catalog: catalog(upstream.url), pricing, rest, relay, ...patch });
      return new ClientScene(upstream, gateway);
    } catch (error) {
      await upstream.close();
      throw error;
    }
  }

  get url(): string {
    return this.gateway.url;
  }

  async close(): Promise<void> {
    await closeAll(
      () => this.gateway.stop(),
      () => this.upstream.close(),
    );
  }

  /** What the work returns, and the rows that it added, oldest first. */
  async billing<T>(work: () => Promise<T>): Promise<{ result: T; rows: Billed[] }> {
    await this.gateway.assertIdle();
    const before = new Set((await usageOf(this.gateway)).rows.map(({ requestId }) => requestId));
    const result = await work();
    await this.gateway.assertIdle();
    const { rows } = await usageOf(this.gateway);
    return { result, rows: rows.filter(({ requestId }) => !before.has(requestId)).reverse() as Billed[] };
  }

  /** The only row that the work added. */
  async billingOne<T>(work: () => Promise<T>): Promise<{ result: T; row: Billed }> {
    const { result, rows } = await this.billing(work);
    assert.equal(rows.length, 1, `${rows.length} rows for one request`);
    return { result, row: rows[0]! };
  }

  /** Runs what aborts in the middle of a stream: the upstream is left, and what was seen is billed, once. */
  async abortIsBilledOnce(work: () => Promise<void>): Promise<Billed> {
    await waitFor('the answers before to be entered', () => this.upstream.openNow() === 0);
    const served = this.upstream.ledger.length;
    const { row } = await this.billingOne(async () => {
      await work();
      await waitFor('the upstream to be left', () => this.upstream.ledger.length > served);
    });
    assert.deepEqual(
      this.upstream.ledger.slice(served).map(({ ending }) => ending),
      ['left'],
    );
    assert.equal(row.status, 'client_gone');
    assert.ok(row.outputTokens >= 1, `${row.outputTokens} output tokens`);
    assert.ok(BigInt(row.chargedNanoUsd) > 0n);
    return row;
  }

  /** Aborts what is asked while its account is silent: the account is left, and nothing is billed. What was thrown is returned. */
  async abortIsFree(ask: (signal: AbortSignal) => Promise<unknown>): Promise<unknown> {
    this.upstream.plan = () => ({ holdUntil: new AbortController().signal });
    const served = this.upstream.ledger.length;
    const { result, rows } = await this.billing(async () => {
      const leave = new AbortController();
      const thrown = ask(leave.signal).then(
        () => assert.fail('it was answered'),
        (error: unknown) => error,
      );
      await waitFor('the request at the account', () => this.upstream.openNow() === 1);
      leave.abort();
      await waitFor('the account to be left', () => this.upstream.ledger[served]?.ending === 'left');
      return thrown;
    });
    assert.deepEqual(rows, []);
    return result;
  }

  /** The latest request's body as the account got it. */
  sent(): Record<string, unknown> {
    return JSON.parse(this.upstream.received.at(-1)!.body.toString());
  }

  /** How many requests of accounts the work made. */
  async asked(work: () => Promise<unknown>): Promise<number> {
    const before = this.upstream.received.length;
    await work();
    return this.upstream.received.length - before;
  }
}

/** The numbers of a row that clients see too. */
export function useOf({ inputTokens, cacheReadTokens, outputTokens, reasoningTokens }: Billed): TokenUse {
  return { input: inputTokens, cached: cacheReadTokens, output: outputTokens, reasoning: reasoningTokens };
}
