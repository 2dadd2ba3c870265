/** An account with its credential, for a test request. */
import type { AccountSettings, Platform, Protocol } from '#base/protocols.ts';
import type { Database } from './database.ts';

export interface AccountTarget {
  platform: Platform;
  baseUrl: string;
  apiKey: string;
  models: string[] | null;
  /** PEM of a private certificate authority, or null. */
  ca: string | null;
  /** Null: all that the platform speaks. */
  protocols: Protocol[] | null;
  settings: AccountSettings;
}

/** Null when there is no such account. */
export async function findAccount(db: Database, name: string): Promise<AccountTarget | null> {
  const [row] = await db<AccountTarget[]>`
    select platform, base_url as "baseUrl", api_key as "apiKey", models, ca, protocols, settings from accounts where name = ${name}`;
  return row === undefined ? null : { ...row };
}
