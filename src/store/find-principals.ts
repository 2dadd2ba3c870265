/** Who some keys belong to: key, user, group and balance of any number of keys in one statement. */
import type { Principal } from '#auth/principal.ts';
import type { Database } from './database.ts';

/** A principal without its row in the shared tables, which primary gives it, and what that row is loaded with. */
export type PrincipalRow = Omit<Principal, 'userRow' | 'userGeneration'> & {
  concurrency: number;
  balanceNanoUsd: bigint;
};

type Row = Omit<PrincipalRow, 'expiresAtMs' | 'balanceNanoUsd'> & { expires_at: Date | null; nano_usd: string };

/** `keyHashes`: SHA-256, hex. Unknown ones are missing in the answer. */
export async function findPrincipals(db: Database, keyHashes: string[]): Promise<PrincipalRow[]> {
  const rows = await db<Row[]>`
    select keys.id as "keyId", keys.key_hash as "keyHash", keys.status as "keyStatus", keys.expires_at,
           keys.allowed_models as "allowedModels", keys.ip_allow as "ipAllow", keys.ip_deny as "ipDeny",
           users.id as "userId", users.name as "userName", users.status as "userStatus", users.concurrency,
           groups.id as "groupId", groups.name as "groupName", groups.multiplier_micros as "multiplierMicros",
           coalesce(balances.nano_usd, 0) as nano_usd
    from keys
    join users on users.id = keys.user_id
    join groups on groups.id = keys.group_id
    left join balances on balances.user_id = keys.user_id
    where keys.key_hash = any (${keyHashes})`;
  return rows.map(({ expires_at, nano_usd, ...row }) => ({
    ...row,
    expiresAtMs: expires_at?.getTime() ?? null,
    balanceNanoUsd: BigInt(nano_usd),
  }));
}
