/**
 * Makes the partitions of `usage_logs` for this month and the next. Rows of those months that had to go to the default partition
 * meanwhile are moved to their own. Primary, at start and daily.
 */
import type { Database, DatabasePool } from './database.ts';

interface Month {
  /** usage_logs_2026_11 */
  table: string;
  /** First moment, and the first one after. */
  from: string;
  to: string;
}

/** Resolves to the names of the partitions that were made. */
export async function ensurePartitions(db: DatabasePool, now: Date): Promise<string[]> {
  const made: string[] = [];
  for (const month of [monthOf(now, 0), monthOf(now, 1)]) {
    if (await exists(db, month.table)) continue;
    if (await db.transaction((tx) => makePartition(tx, month))) made.push(month.table);
  }
  return made;
}

function monthOf(now: Date, ahead: number): Month {
  const from = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead));
  const to = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + ahead + 1));
  const name = from.toISOString().slice(0, 7).replace('-', '_');
  return { table: `usage_logs_${name}`, from: from.toISOString(), to: to.toISOString() };
}

async function exists(db: Database, table: string): Promise<boolean> {
  const [row] = await db<{ there: boolean }[]>`select to_regclass(${table}) is not null as there`;
  return row!.there;
}

/** The lock keeps a second process and the usage-writer out for the moment that it takes. False when somebody was faster. */
async function makePartition(tx: Database, { table, from, to }: Month): Promise<boolean> {
  await tx`lock table usage_logs in access exclusive mode`;
  if (await exists(tx, table)) return false;
  await tx.unsafe(`create table ${table} (like usage_logs including defaults including constraints)`);
  await tx.unsafe(`
    with strays as (
      delete from usage_logs_default where created_at >= '${from}' and created_at < '${to}' returning *
    )
    insert into ${table} select * from strays`);
  await tx.unsafe(`alter table usage_logs attach partition ${table} for values from ('${from}') to ('${to}')`);
  return true;
}
