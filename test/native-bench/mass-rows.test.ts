/** Rows that are loaded for a measurement are such as the product makes: in their months, under their indexes, in the totals. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { usageRows } from '#store/usage-rows.ts';
import { usageTotals } from '#store/usage-totals.ts';
import { startEmbeddedPostgres } from '#supervise/embedded-postgres.ts';
import { loadRows } from '../../native-bench/load/mass-rows.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { connectDatabase } from '../support/test-postgres.ts';

const ROWS = 1_003;
const SILENT = { info: () => {}, warn: () => {}, error: () => {} };

test('loaded rows lie in six months under four indexes each, with the millisecond of their id, and count in the totals', async (t) => {
  const dataDir = tempFolder(t);
  const ends: (() => Promise<void> | void)[] = [];
  t.after(async () => {
    for (const end of ends) await end();
  });
  const said: string[] = [];
  await loadRows({ say: (text) => said.push(text), ends: (end) => ends.push(end) }, dataDir, ROWS);
  assert.equal(said.length, 6);
  const server = await startEmbeddedPostgres({ dataDir, log: SILENT });
  ends.push(() => server.stop());
  const sql = connectDatabase(server.url);
  t.after(() => sql.end());
  const [counted] = await sql`
    select count(*)::int as rows, count(distinct request_id)::int as ids, count(distinct tableoid)::int as months,
           count(*) filter (where uuid_extract_timestamp(request_id) = created_at)::int as timely,
           count(*) filter (where created_at < now())::int as past
    from usage_logs`;
  assert.deepEqual({ ...counted }, { rows: ROWS, ids: ROWS, months: 6, timely: ROWS, past: ROWS });
  const [strays] = await sql`select count(*)::int as rows from usage_logs_default`;
  assert.equal(strays!['rows'], 0);
  const indexes = await sql`
    select count(*)::int as indexes from pg_indexes
    where tablename ~ '^usage_logs_\\d{4}_\\d{2}$' group by tablename`;
  assert.deepEqual([...new Set(indexes.map((row) => row['indexes']))], [4]);
  assert.equal((await usageTotals(sql)).requests, ROWS);
  assert.equal((await usageRows(sql, ROWS)).length, ROWS);
});
