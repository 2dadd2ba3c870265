/** An account with its credential, for a test request. */
import type { Database } from './database.ts';

export interface AccountTarget {
  baseUrl: string;
  apiKey: string;
  models: string[] | null;
  /** PEM of a private certificate authority, or null. */
  ca: string | null;
}

/** Null when there is no such account. */
export async function findAccount(db: Database, name: string): Promise<AccountTarget | null> {
  const [row] = await db<AccountTarget[]>`
    select base_url as "baseUrl", api_key as "apiKey", models, ca from accounts where name = ${name}`;
  return row === undefined ? null : { baseUrl: row.baseUrl, apiKey: row.apiKey, models: row.models, ca: row.ca };
}
