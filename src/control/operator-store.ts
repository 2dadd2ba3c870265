/**
 * What operators do to the catalog and read from the books, as an interface: the control server, the catalog file and the demo
 * work against it. `bind-store.ts` is its PostgreSQL side. Every method is one transaction, every listing one statement.
 */
import type { AccountTarget } from '#store/find-account.ts';
import type { AccountListing } from '#store/list-accounts.ts';
import type { GroupListing } from '#store/list-groups.ts';
import type { KeyListing } from '#store/list-keys.ts';
import type { UserListing } from '#store/list-users.ts';
import type { KeyMatch, KeySelector } from '#store/match-keys.ts';
import type { AccountWish } from '#store/put-account.ts';
import type { GroupWish } from '#store/put-group.ts';
import type { KeyWish } from '#store/put-key.ts';
import type { Put, UserWish } from '#store/put-user.ts';
import type { UsageListing } from '#store/usage-rows.ts';
import type { UsageTotals } from '#store/usage-totals.ts';

export interface OperatorStore {
  putUser(wish: UserWish): Promise<Put>;
  putGroup(wish: GroupWish): Promise<Put>;
  /** Throws UnknownName. */
  putAccount(wish: AccountWish): Promise<Put>;
  /** Throws UnknownName. A revoked key stays revoked. */
  putKey(wish: KeyWish): Promise<Put>;
  matchKeys(selector: KeySelector): Promise<KeyMatch[]>;
  revokeKey(id: number): Promise<void>;
  /** False when there is no such account. */
  setAccountStatus(name: string, status: 'active' | 'disabled'): Promise<boolean>;
  /** With its credential, for a test request; null when there is no such account. */
  findAccount(name: string): Promise<AccountTarget | null>;
  listUsers(): Promise<UserListing[]>;
  listGroups(): Promise<GroupListing[]>;
  listAccounts(): Promise<AccountListing[]>;
  listKeys(): Promise<KeyListing[]>;
  usageTotals(): Promise<UsageTotals>;
  /** Newest first; with `before`, a request id, those older than that row. */
  usageRows(limit: number, before: string | null): Promise<UsageListing[]>;
  /** Rejects when PostgreSQL is away. */
  ping(): Promise<{ version: string; latencyMs: number }>;
}
