/**
 * What operators do to the catalog and read from the books, as an interface: the control server, the catalog file and the demo
 * work against it. `bind-store.ts` is its PostgreSQL side. Every method is one transaction; every listing is one statement.
 */

export type Status = 'active' | 'disabled';

export interface UserWish {
  name: string;
  concurrency: number;
  status: Status;
  /** Entered into the ledger when the user is created, ignored afterwards. */
  balanceNanoUsd: bigint;
}

export interface GroupWish {
  name: string;
  platform: 'anthropic';
  multiplierMicros: number;
}

export interface AccountWish {
  name: string;
  platform: 'anthropic';
  type: 'apikey';
  baseUrl: string;
  apiKey: string;
  concurrency: number;
  priority: number;
  status: Status;
  models: string[] | null;
  modelMap: Record<string, string>;
  /** Names. */
  groups: string[];
}

export interface KeyWish {
  keyHash: string;
  prefix: string;
  name: string;
  /** Names. */
  user: string;
  group: string;
  expiresAtMs: number | null;
  allowedModels: string[] | null;
  ipAllow: string[] | null;
  ipDeny: string[] | null;
}

export interface UserListing {
  id: number;
  name: string;
  status: Status;
  concurrency: number;
  balanceNanoUsd: bigint;
  /** What was entered when the user was created. */
  openingNanoUsd: bigint;
  createdAtMs: number;
}

export interface GroupListing {
  id: number;
  name: string;
  platform: string;
  multiplierMicros: number;
  /** Names of its accounts. */
  accounts: string[];
  createdAtMs: number;
}

/** Without the credential: listings leave the process. */
export interface AccountListing {
  id: number;
  name: string;
  platform: string;
  type: string;
  baseUrl: string;
  status: Status;
  concurrency: number;
  priority: number;
  groups: string[];
  models: string[] | null;
  modelMap: Record<string, string>;
  createdAtMs: number;
}

export interface KeyListing {
  id: number;
  prefix: string;
  name: string;
  user: string;
  group: string;
  status: 'active' | 'revoked';
  expiresAtMs: number | null;
  allowedModels: string[] | null;
  ipAllow: string[] | null;
  ipDeny: string[] | null;
  createdAtMs: number;
}

export interface UsageTotals {
  requests: number;
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  cacheWriteTokens: number;
  chargedNanoUsd: bigint;
}

export interface UsageListing {
  requestId: string;
  createdAtMs: number;
  user: string;
  account: string;
  model: string;
  upstreamModel: string;
  stream: boolean;
  status: string;
  usageSource: string;
  httpStatus: number;
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  cacheWrite5mTokens: number;
  cacheWrite1hTokens: number;
  webSearchRequests: number;
  costNanoUsd: bigint;
  chargedNanoUsd: bigint;
  attempts: number;
  queueMs: number;
  firstByteMs: number;
  durationMs: number;
  clientRequestId: string;
  upstreamRequestId: string;
}

/** A key may be named by any of these; null: not this way. */
export interface KeySelector {
  keyHash: string;
  id: number | null;
  /** Beginning of the display prefix. */
  prefix: string;
}

export interface KeyMatch {
  id: number;
  keyHash: string;
  prefix: string;
}

/** `created` is false when a row of that name was there; it is then brought to the wish. */
export interface Put {
  id: number;
  created: boolean;
}

/** A name that the wish refers to and that does not exist. */
export class UnknownName extends Error {
  readonly kind: 'user' | 'group';
  readonly wanted: string;

  constructor(kind: 'user' | 'group', wanted: string) {
    super(`there is no ${kind} named ${wanted}`);
    this.kind = kind;
    this.wanted = wanted;
  }
}

export interface OperatorStore {
  putUser(wish: UserWish): Promise<Put>;
  putGroup(wish: GroupWish): Promise<Put>;
  /** Throws UnknownName. */
  putAccount(wish: AccountWish): Promise<Put>;
  /** Throws UnknownName. A revoked key stays revoked. */
  putKey(wish: KeyWish): Promise<Put>;
  /** Keys that match in any way, revoked ones included; at most 100. */
  matchKeys(selector: KeySelector): Promise<KeyMatch[]>;
  revokeKey(id: number): Promise<void>;
  /** False when there is no such account. */
  setAccountStatus(name: string, status: Status): Promise<boolean>;
  /** With its credential, for a test request; null when there is no such account. */
  findAccount(name: string): Promise<{ baseUrl: string; apiKey: string; models: string[] | null } | null>;
  listUsers(): Promise<UserListing[]>;
  listGroups(): Promise<GroupListing[]>;
  listAccounts(): Promise<AccountListing[]>;
  listKeys(): Promise<KeyListing[]>;
  usageTotals(): Promise<UsageTotals>;
  /** Newest first. */
  usageRows(limit: number): Promise<UsageListing[]>;
  /** Round trip to PostgreSQL and its version. Rejects when it is away. */
  ping(): Promise<{ version: string; latencyMs: number }>;
}
