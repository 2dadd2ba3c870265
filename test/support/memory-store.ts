/** The operators' store in memory: what the control server and the CLI are tested against where PostgreSQL is not the point. */
import type { OperatorStore } from '#control/operator-store.ts';
import type { AccountListing } from '#store/list-accounts.ts';
import type { GroupListing } from '#store/list-groups.ts';
import type { KeyListing } from '#store/list-keys.ts';
import type { UserListing } from '#store/list-users.ts';
import type { KeyMatch, KeySelector } from '#store/match-keys.ts';
import type { AccountWish } from '#store/put-account.ts';
import type { GroupWish } from '#store/put-group.ts';
import type { KeyWish } from '#store/put-key.ts';
import type { Put, UserWish } from '#store/put-user.ts';
import { UnknownName } from '#store/unknown-name.ts';
import type { UsageListing } from '#store/usage-rows.ts';
import type { UsageTotals } from '#store/usage-totals.ts';

export class MemoryStore implements OperatorStore {
  users: UserListing[] = [];
  groups: GroupListing[] = [];
  accounts: (AccountListing & { apiKey: string; ca: string | null })[] = [];
  keys: (KeyListing & { keyHash: string })[] = [];
  rows: UsageListing[] = [];
  /** Thrown by every method while it is set. */
  fault: Error | null = null;
  /** Calls since the start: a listing must be one. */
  calls = 0;

  async putUser({ balanceNanoUsd, status, ...wish }: UserWish): Promise<Put> {
    this.#called();
    const money = { balanceNanoUsd, openingNanoUsd: balanceNanoUsd };
    const named = status === null ? wish : { ...wish, status };
    return put(this.users, named, { status: status ?? 'active', ...money, ...stamp(this.users) });
  }

  async putGroup(wish: GroupWish): Promise<Put> {
    this.#called();
    return put(this.groups, wish, { accounts: [], ...stamp(this.groups) });
  }

  async putAccount(wish: AccountWish): Promise<Put> {
    this.#called();
    for (const group of wish.groups) this.#group(group);
    const { status, ...rest } = wish;
    const named = status === null ? rest : { ...rest, status };
    return put(this.accounts, named, {
      status: status ?? 'active',
      privateCa: wish.ca !== null,
      ...stamp(this.accounts),
    });
  }

  async putKey(wish: KeyWish): Promise<Put> {
    this.#called();
    this.#group(wish.group);
    if (!this.users.some((user) => user.name === wish.user)) throw new UnknownName('user', wish.user);
    const found = this.keys.find((key) => key.keyHash === wish.keyHash);
    if (found !== undefined) return { id: Object.assign(found, wish).id, created: false };
    const key = { ...wish, status: 'active' as const, ...stamp(this.keys) };
    this.keys.push(key);
    return { id: key.id, created: true };
  }

  async matchKeys({ keyHash, id, prefix }: KeySelector): Promise<KeyMatch[]> {
    this.#called();
    return this.keys.filter((key) => key.keyHash === keyHash || key.id === id || key.prefix.startsWith(prefix));
  }

  async revokeKey(id: number): Promise<void> {
    this.#called();
    for (const key of this.keys) if (key.id === id) key.status = 'revoked';
  }

  async setAccountStatus(name: string, status: 'active' | 'disabled'): Promise<boolean> {
    this.#called();
    const account = this.accounts.find((one) => one.name === name);
    if (account !== undefined) account.status = status;
    return account !== undefined;
  }

  async findAccount(name: string) {
    this.#called();
    return this.accounts.find((account) => account.name === name) ?? null;
  }

  async listUsers(): Promise<UserListing[]> {
    this.#called();
    return this.users;
  }

  async listGroups(): Promise<GroupListing[]> {
    this.#called();
    const of = (name: string) => this.accounts.filter(({ groups }) => groups.includes(name)).map((one) => one.name);
    return this.groups.map((group) => ({ ...group, accounts: of(group.name) }));
  }

  async listAccounts(): Promise<AccountListing[]> {
    this.#called();
    return this.accounts.map(({ apiKey: _apiKey, ca: _ca, ...account }) => account);
  }

  async listKeys(): Promise<KeyListing[]> {
    this.#called();
    return this.keys.map(({ keyHash: _keyHash, ...key }) => key);
  }

  async usageTotals(): Promise<UsageTotals> {
    this.#called();
    const sum = (of: (row: UsageListing) => number) => this.rows.reduce((total, row) => total + of(row), 0);
    return {
      requests: this.rows.length,
      inputTokens: sum((row) => row.inputTokens),
      outputTokens: sum((row) => row.outputTokens),
      cacheReadTokens: sum((row) => row.cacheReadTokens),
      cacheWriteTokens: sum((row) => row.cacheWrite5mTokens + row.cacheWrite1hTokens),
      reasoningTokens: sum((row) => row.reasoningTokens),
      audioInputTokens: sum((row) => row.audioInputTokens),
      audioOutputTokens: sum((row) => row.audioOutputTokens),
      imageInputTokens: sum((row) => row.imageInputTokens),
      imageOutputTokens: sum((row) => row.imageOutputTokens),
      mediaItems: sum((row) => row.mediaItems),
      mediaSeconds: sum((row) => row.mediaSeconds),
      chargedNanoUsd: this.rows.reduce((total, row) => total + row.chargedNanoUsd, 0n),
    };
  }

  async usageRows(limit: number, before: string | null): Promise<UsageListing[]> {
    this.#called();
    const older = this.rows.filter(({ requestId }) => before === null || requestId < before);
    return older.slice(0, limit);
  }

  async ping() {
    this.#called();
    return { version: '18.0', latencyMs: 0.5 };
  }

  #called(): void {
    this.calls++;
    if (this.fault !== null) throw this.fault;
  }

  #group(name: string): void {
    if (!this.groups.some((group) => group.name === name)) throw new UnknownName('group', name);
  }
}

function stamp(list: readonly unknown[]): { id: number; createdAtMs: number } {
  return { id: list.length + 1, createdAtMs: Date.UTC(2026, 0, 1) };
}

function put<Row extends { id: number; name: string }>(
  list: Row[],
  wish: Partial<Row> & { name: string },
  fresh: Partial<Row>,
): Put {
  const found = list.find((row) => row.name === wish.name);
  if (found !== undefined) return { id: Object.assign(found, wish).id, created: false };
  const row = { ...wish, ...fresh } as Row;
  list.push(row);
  return { id: row.id, created: true };
}

/** A usage row; override what a test is about. */
export function usageListing(fields: Partial<UsageListing> = {}): UsageListing {
  return {
    requestId: '019a0000000070008000000000000001',
    createdAtMs: Date.UTC(2026, 10, 22, 3, 4, 5),
    user: 'u1',
    account: 'a1',
    model: 'claude-sonnet-4-5',
    upstreamModel: 'claude-sonnet-4-5',
    stream: true,
    status: 'completed',
    usageSource: 'reported',
    httpStatus: 200,
    inputTokens: 10,
    outputTokens: 20,
    cacheReadTokens: 3,
    cacheWrite5mTokens: 4,
    cacheWrite1hTokens: 5,
    webSearchRequests: 0,
    costNanoUsd: 9_007_199_254_740_993n,
    chargedNanoUsd: 9_007_199_254_740_993n,
    attempts: 1,
    queueMs: 0,
    firstByteMs: 12,
    durationMs: 34,
    clientRequestId: '',
    upstreamRequestId: 'req_1',
    protocol: 'messages',
    upstreamProtocol: 'messages',
    serviceTier: '',
    reasoningTokens: 0,
    audioInputTokens: 0,
    audioOutputTokens: 0,
    imageInputTokens: 0,
    imageOutputTokens: 0,
    mediaItems: 0,
    mediaSeconds: 0,
    ...fields,
  };
}
