/**
 * Applies the catalog of a configuration file to PostgreSQL: by name, idempotent, never deleting what it does not name. Opening
 * balances are entered when a user is created; a figure changed afterwards is reported, not applied. Keys are identified by their
 * hash. Primary, at start, before fronts run.
 */
import { hashKey, keyPrefix } from '#auth/key.ts';
import { formatNanoUsd, parseUsdToNano } from '#base/money.ts';
import { StartupError } from '#base/startup-error.ts';
import type { CatalogConfig, CatalogKey, CatalogUser } from '#config/catalog-schema.ts';
import { reveal } from '#config/secret.ts';
import type { KeyWish } from '#store/put-key.ts';
import type { Put, UserWish } from '#store/put-user.ts';
import { UnknownName } from '#store/unknown-name.ts';
import type { OperatorStore } from './operator-store.ts';

type CatalogStore = Pick<OperatorStore, 'putUser' | 'putGroup' | 'putAccount' | 'putKey' | 'listUsers'>;

export interface CatalogReport {
  created: { groups: number; accounts: number; users: number; keys: number };
  /** Sentences about what was left as it is. */
  notes: string[];
}

/** Throws StartupError that names the entry when it refers to a user or group that does not exist. */
export async function applyCatalog(store: CatalogStore, catalog: CatalogConfig): Promise<CatalogReport> {
  const groups = await putAll('groups', catalog.groups, (group) =>
    store.putGroup({ ...group, multiplierMicros: Math.round(group.rateMultiplier * 1e6) }),
  );
  const accounts = await putAll('accounts', catalog.accounts, (account) =>
    store.putAccount({ ...account, apiKey: reveal(account.apiKey) }),
  );
  const notes = await changedBalances(store, catalog.users);
  const users = await putAll('users', catalog.users, (user) => store.putUser(userWish(user)));
  const keys = await putAll('keys', catalog.keys, (key) => store.putKey(keyWish(key)));
  return { created: { groups, accounts, users, keys }, notes };
}

export function userWish(user: CatalogUser): UserWish {
  const { name, concurrency, status } = user;
  return { name, concurrency, status, balanceNanoUsd: openingOf(user) };
}

function keyWish({ key, expiresAt, ...rest }: CatalogKey): KeyWish {
  const text = reveal(key);
  return {
    ...rest,
    keyHash: hashKey(text),
    prefix: keyPrefix(text),
    expiresAtMs: expiresAt === null ? null : Date.parse(expiresAt),
  };
}

/**
 * So many are sent before the first is answered: on the one connection of a transaction they are done in their order, and a file of
 * ten thousand accounts waits for some dozen round trips instead of as many as it has entries.
 */
const UNANSWERED_MAX = 256;

/** Counts what is new. Entries of one list do not refer to each other. */
async function putAll<Entry>(
  list: string,
  entries: readonly Entry[],
  put: (entry: Entry) => Promise<Put>,
): Promise<number> {
  let created = 0;
  for (let from = 0; from < entries.length; from += UNANSWERED_MAX) {
    const some = entries.slice(from, from + UNANSWERED_MAX);
    // All of them end before one that failed is told: none may still run when the transaction is undone.
    const puts = await Promise.allSettled(some.map((entry, index) => putOne(`${list}[${from + index}]`, put(entry))));
    const failed = puts.find((one) => one.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    created += puts.filter((one) => one.status === 'fulfilled' && one.value.created).length;
  }
  return created;
}

async function putOne(place: string, putting: Promise<Put>): Promise<Put> {
  try {
    return await putting;
  } catch (error) {
    if (error instanceof UnknownName) throw new StartupError(`catalog.${place}: ${error.message}`);
    throw error;
  }
}

async function changedBalances(store: CatalogStore, users: readonly CatalogUser[]): Promise<string[]> {
  if (users.length === 0) return [];
  const known = new Map((await store.listUsers()).map((user) => [user.name, user.openingNanoUsd]));
  return users.flatMap((user) => {
    const opening = known.get(user.name);
    const wanted = openingOf(user);
    if (opening === undefined || opening === wanted) return [];
    const [asked, entered] = [formatNanoUsd(wanted), formatNanoUsd(opening)];
    return [`catalog.users: ${user.name} was opened with ${entered} USD; the ${asked} of the file are not applied`];
  });
}

/** The schema has checked the text. */
function openingOf(user: CatalogUser): bigint {
  return parseUsdToNano(user.balanceUsd) ?? 0n;
}
