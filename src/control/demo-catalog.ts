/**
 * What makes the first request possible when nobody has configured anything: group, user, account and key named `demo`. The
 * account's upstream is the built-in mock or, with ANTHROPIC_API_KEY, the real one; it is brought up to date at each start, since
 * the mock's port changes. The key is generated once and kept in the data folder. Primary, at start.
 */
import { hashKey, keyPrefix } from '#auth/key.ts';
import type { OperatorStore } from './operator-store.ts';
import { ensureDemoKey } from './secrets-file.ts';

export interface DemoUpstream {
  baseUrl: string;
  apiKey: string;
}

export interface DemoOptions {
  dataDir: string;
  upstream: DemoUpstream;
}

const NAME = 'demo';
const BALANCE_NANO_USD = 100_000_000_000n;
const CONCURRENCY = 100;
const DEFAULT_BASE_URL = 'https://api.anthropic.com';

/** The real upstream that the environment names; null when it names none. */
export function demoUpstreamFrom(env: Readonly<Record<string, string | undefined>>): DemoUpstream | null {
  const apiKey = env['ANTHROPIC_API_KEY'];
  if (apiKey === undefined || apiKey === '') return null;
  return { apiKey, baseUrl: env['ANTHROPIC_BASE_URL'] || DEFAULT_BASE_URL };
}

/** True when the demo may be seeded: there is no account but its own. */
export async function wantsDemo(store: Pick<OperatorStore, 'listAccounts'>): Promise<boolean> {
  return (await store.listAccounts()).every((account) => account.name === NAME);
}

/** Resolves to the demo key. */
export async function seedDemoCatalog(store: OperatorStore, { dataDir, upstream }: DemoOptions): Promise<string> {
  const key = ensureDemoKey(dataDir);
  await store.putGroup({ name: NAME, platform: 'anthropic', multiplierMicros: 1_000_000, modelPlatforms: {} });
  await store.putUser({ name: NAME, concurrency: CONCURRENCY, status: null, balanceNanoUsd: BALANCE_NANO_USD });
  await store.putAccount({
    name: NAME,
    platform: 'anthropic',
    type: 'apikey',
    ...upstream,
    concurrency: CONCURRENCY,
    priority: 10,
    status: null,
    models: null,
    modelMap: {},
    ca: null,
    protocols: null,
    settings: {},
    groups: [NAME],
  });
  await store.putKey({
    keyHash: hashKey(key),
    prefix: keyPrefix(key),
    name: NAME,
    user: NAME,
    group: NAME,
    expiresAtMs: null,
    allowedModels: null,
    ipAllow: null,
    ipDeny: null,
  });
  return key;
}
