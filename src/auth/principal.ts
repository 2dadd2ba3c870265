/**
 * Why a key has no principal: `unknown`: there is no such key; `unavailable`: it could not be found out; `full`: the table of users
 * has no row left for its user.
 */
export type NoPrincipal = 'unknown' | 'unavailable' | 'full';

/**
 * Who a request is made by: a key with its user and group, as resolved once from PostgreSQL by primary and cached by fronts.
 * Plain data, sent between threads.
 */
export interface Principal {
  keyId: number;
  /** SHA-256 of the key, hex. */
  keyHash: string;
  keyStatus: 'active' | 'revoked';
  /** Unix milliseconds; null never expires. */
  expiresAtMs: number | null;
  /** Exact model names or patterns with a trailing `*`; null allows all. */
  allowedModels: string[] | null;
  /** CIDR lists; null is no rule. Deny wins over allow. */
  ipAllow: string[] | null;
  ipDeny: string[] | null;
  userId: number;
  userName: string;
  userStatus: 'active' | 'disabled';
  /** Row of the user in the shared tables (slots, ledger). */
  userRow: number;
  /** Generation of that row: the row is this user's only while it is the living one. */
  userGeneration: number;
  groupId: number;
  groupName: string;
  /** The group's rate multiplier in millionths (1_000_000 = 1). */
  multiplierMicros: number;
}
