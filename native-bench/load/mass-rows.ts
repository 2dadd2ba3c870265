/**
 * Fills the usage log of a data folder whose gateway is not running: real schema, real partitions, the months up to this one, real
 * ids (UUIDv7 of the row's own millisecond). Quick, because each month is a table of its own until its rows are in: its indexes are
 * made when it becomes a partition, and a PostgreSQL that may lose everything is used meanwhile.
 */
import type { DatabasePool } from '../../src/store/database.ts';
import { ensurePartitions } from '../../src/store/ensure-partitions.ts';
import { migrate } from '../../src/store/migrate.ts';
import { startEmbeddedPostgres } from '../../src/supervise/embedded-postgres.ts';
import { connectDatabase } from '../../test/support/test-postgres.ts';
import type { Rig } from '../scenarios/scenario.ts';

const SILENT = { info: () => {}, warn: () => {}, error: () => {} };

/** None of it lasts: the gateway starts the same cluster with the product's settings. */
const LOADING = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_wal_size: '8GB',
  checkpoint_timeout: '1h',
  shared_buffers: '512MB',
  maintenance_work_mem: '512MB',
  autovacuum: 'off',
};

const USERS = 1_000;
const KEYS = 5_000;
const ACCOUNTS = 100;
/** This one and those before it. */
const MONTHS = 6;
const MINUTE_MS = 60_000;

interface Month {
  table: string;
  fromMs: number;
  /** First moment of the next month. */
  toMs: number;
}

/** Resolves when the rows are in, vacuumed and analyzed, and PostgreSQL is stopped. */
export async function loadRows(rig: Pick<Rig, 'say' | 'ends'>, dataDir: string, count: number): Promise<void> {
  const server = await startEmbeddedPostgres({ dataDir, log: SILENT, settings: LOADING });
  rig.ends(() => server.stop());
  const sql = connectDatabase(server.url);
  try {
    await migrate(sql);
    await sql`insert into users (name, concurrency) select 'reader' || i, 10 from generate_series(1, ${USERS}) i`;
    const now = new Date();
    for (let ago = MONTHS - 1; ago >= 0; ago--) {
      const rows = Math.floor(count / MONTHS) + (ago === 0 ? count % MONTHS : 0);
      const startMs = performance.now();
      await fillMonth(sql, monthOf(now, ago), { rows, untilMs: now.getTime() - MINUTE_MS });
      const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
      rig.say(`${rows} usage rows of ${ago} months ago in ${seconds} s`);
    }
    await ensurePartitions(sql, now);
    await sql.unsafe('vacuum (freeze, analyze)');
  } finally {
    await sql.end();
    await server.stop();
  }
}

function monthOf(now: Date, ago: number): Month {
  const at = (months: number): number => Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - ago + months);
  const name = new Date(at(0)).toISOString().slice(0, 7).replace('-', '_');
  return { table: `usage_logs_${name}`, fromMs: at(0), toMs: at(1) };
}

async function fillMonth(
  sql: DatabasePool,
  month: Month,
  { rows, untilMs }: { rows: number; untilMs: number },
): Promise<void> {
  const { table, fromMs, toMs } = month;
  const spanMs = Math.max(1, Math.min(toMs, untilMs) - fromMs);
  await sql.transaction(async (tx) => {
    await tx.unsafe(`create table ${table} (like usage_logs including defaults including constraints)`);
    await tx.unsafe(`insert into ${table} ${selectRows(fromMs, spanMs, rows)}`);
    // A table of its own passes the log's trigger by.
    await tx.unsafe(`
      insert into usage_days
      select (created_at at time zone 'UTC')::date, count(*), sum(input_tokens), sum(output_tokens), sum(cache_read_tokens),
             sum(cache_write_5m_tokens::bigint + cache_write_1h_tokens), sum(charged_nano_usd)
      from ${table} group by 1`);
  });
  const bound = (ms: number): string => new Date(ms).toISOString();
  await sql.unsafe(
    `alter table usage_logs attach partition ${table} for values from ('${bound(fromMs)}') to ('${bound(toMs)}')`,
  );
}

/** Rows in the order of the table's columns, evenly over the span. */
function selectRows(fromMs: number, spanMs: number, rows: number): string {
  return `
    select (lpad(to_hex(ms), 12, '0') || '7' || substr(hash, 1, 3) || '8' || substr(hash, 4, 15))::uuid,
           'epoch'::timestamptz + ms * interval '1 millisecond',
           1 + i % ${USERS}, 1 + i % ${KEYS}, 1, 1 + i % ${ACCOUNTS}, 'claude-haiku-4-5', 'claude-haiku-4-5', i % 2 = 0,
           'completed', 'reported', 200, 900 + i % 200, 200 + i % 100, i % 5000, 0, 0, 0, 2000000, 2000000, 1000000, 1,
           0, 300, 4000 + i % 1000, '', 'req_' || substr(hash, 1, 20)
    from (
      select i, ${fromMs} + i::bigint * ${spanMs} / ${rows} as ms, md5(i::text) as hash from generate_series(0, ${rows - 1}) i
    ) as numbered`;
}
