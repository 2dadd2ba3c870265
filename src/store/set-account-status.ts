/** Takes an account out of use, or back in. */
import type { Database } from './database.ts';

/** False when there is no such account. */
export async function setAccountStatus(db: Database, name: string, status: 'active' | 'disabled'): Promise<boolean> {
  const result = await db`update accounts set status = ${status} where name = ${name}`;
  return result.count === 1;
}
