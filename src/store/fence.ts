/**
 * The exactly-once fence: how far a journal is in `usage_logs`. Moved first in the transaction that inserts the rows, so that its row
 * lock orders a transaction we gave up for lost against the one that follows it.
 */
import type postgres from 'postgres';
import type { Fence } from '#usage/usage-store.ts';

/** Null when the journal has none yet. */
export async function readFence(sql: postgres.Sql, journalId: string): Promise<Fence | null> {
  const rows = await sql<{ segment: string; byte_offset: string }[]>`
    select segment, byte_offset from usage_fence where journal_id = ${journalId}`;
  const [row] = rows;
  return row === undefined ? null : { segment: Number(row.segment), offset: Number(row.byte_offset) };
}

/** False when it was not where it was expected: nothing is changed then. */
export async function moveFence(
  sql: postgres.Sql,
  journalId: string,
  expected: Fence | null,
  next: Fence,
): Promise<boolean> {
  const result =
    expected === null
      ? await sql`
          insert into usage_fence (journal_id, segment, byte_offset)
          values (${journalId}, ${next.segment}, ${next.offset})
          on conflict (journal_id) do nothing`
      : await sql`
          update usage_fence
          set segment = ${next.segment}, byte_offset = ${next.offset}, updated_at = now()
          where journal_id = ${journalId} and segment = ${expected.segment} and byte_offset = ${expected.offset}`;
  return result.count === 1;
}

export async function forgetFence(sql: postgres.Sql, journalId: string): Promise<void> {
  await sql`delete from usage_fence where journal_id = ${journalId}`;
}
