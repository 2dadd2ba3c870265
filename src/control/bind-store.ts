/**
 * The operators' store on PostgreSQL. Primary only; the CLI uses `pingDatabase` while the gateway is stopped.
 */
import { type Database, type DatabasePool, openDatabase } from '#store/database.ts';
import { findAccount } from '#store/find-account.ts';
import { listAccounts } from '#store/list-accounts.ts';
import { listGroups } from '#store/list-groups.ts';
import { listKeys } from '#store/list-keys.ts';
import { listUsers } from '#store/list-users.ts';
import { matchKeys } from '#store/match-keys.ts';
import { ping } from '#store/ping.ts';
import { putAccount } from '#store/put-account.ts';
import { putGroup } from '#store/put-group.ts';
import { putKey } from '#store/put-key.ts';
import { putUser } from '#store/put-user.ts';
import { revokeKey } from '#store/revoke-key.ts';
import { setAccountStatus } from '#store/set-account-status.ts';
import { usageRows } from '#store/usage-rows.ts';
import { usageTotals } from '#store/usage-totals.ts';
import type { OperatorStore } from './operator-store.ts';

export function bindStore(database: Database): OperatorStore {
  return {
    putUser: (wish) => putUser(database, wish),
    putGroup: (wish) => putGroup(database, wish),
    putAccount: (wish) => putAccount(database, wish),
    putKey: (wish) => putKey(database, wish),
    matchKeys: (selector) => matchKeys(database, selector),
    revokeKey: (id) => revokeKey(database, id),
    setAccountStatus: (name, status) => setAccountStatus(database, name, status),
    findAccount: (name) => findAccount(database, name),
    listUsers: () => listUsers(database),
    listGroups: () => listGroups(database),
    listAccounts: () => listAccounts(database),
    listKeys: () => listKeys(database),
    usageTotals: () => usageTotals(database),
    usageRows: (limit, before) => usageRows(database, limit, before),
    ping: () => ping(database),
  };
}

/** What the work puts is all there in the end, or none of it: one commit, one wait for the disk. */
export async function asOneTransaction<T>(
  database: DatabasePool,
  work: (store: OperatorStore) => Promise<T>,
): Promise<T> {
  return await database.transaction((tx) => work(bindStore(tx)));
}

/** One connection, one question, closed again. Rejects when PostgreSQL does not answer. */
export async function pingDatabase(
  url: string,
  limits: { statementTimeoutMs: number; connectTimeoutMs: number },
): Promise<{ version: string; latencyMs: number }> {
  const { statementTimeoutMs, connectTimeoutMs } = limits;
  const database = openDatabase(url, {
    connections: 1,
    statementTimeoutMs,
    connectTimeoutMs,
    applicationName: 'penstock doctor',
  });
  try {
    return await ping(database);
  } finally {
    await database.end();
  }
}
