import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { makeRequestId } from '#base/request-id.ts';
import { BatchStore } from '#store/batch-store.ts';
import type { Database } from '#store/database.ts';
import { ensurePartitions } from '#store/ensure-partitions.ts';
import { findPrincipals } from '#store/find-principals.ts';
import { migrate } from '#store/migrate.ts';
import { type UsageListing, usageRows } from '#store/usage-rows.ts';
import { usageTotals } from '#store/usage-totals.ts';
import type { UsageRecord } from '#usage/record.ts';
import { freshDatabase, type TestDatabase } from '../support/postgres.ts';
import { encodeRecords, makeRecord, seedUsers } from '../support/usage-records.ts';

const ROWS = 50_000;
const DAY_MS = 86_400_000;

/** 50,000 rows of 500 users over this month, and 5,000 keys. */
async function fill(db: Database): Promise<void> {
  await seedUsers(db, 1);
  await db`insert into users (name, concurrency) select 'user' || i, 10 from generate_series(2, 500) i`;
  await db`
    insert into keys (key_hash, prefix, user_id, group_id)
    select encode(sha256(i::text::bytea), 'hex'), 'k', 1 + i % 500, 1 from generate_series(1, 5000) i`;
  await db`
    insert into usage_logs
    select gen_random_uuid(), date_trunc('month', now()) + i * interval '1 second', 1 + i % 500, 1 + i % 5000, 1, 1 + i % 50,
           'm', 'm', true, 'completed', 'reported', 200, 1, 1, 0, 0, 0, 0, 1, 1, 1000000, 1, 0, 1, 1, '', ''
    from generate_series(1, ${ROWS}) i`;
  await db`analyze`;
}

interface Plan {
  'Node Type': string;
  'Relation Name'?: string;
  Plans?: Plan[];
}

function sequentialScans(plan: Plan): string[] {
  const own = plan['Node Type'] === 'Seq Scan' ? [plan['Relation Name'] ?? ''] : [];
  return [...own, ...(plan.Plans ?? []).flatMap(sequentialScans)];
}

/** The plans of every statement that `work` sends. */
async function plansOf(db: Database, work: (recorder: Database) => Promise<unknown>): Promise<Plan[]> {
  const plans: Plan[] = [];
  const recorder = new Proxy(db, {
    apply(_, __, [strings, ...values]: [TemplateStringsArray, ...never[]]) {
      return (async () => {
        const explained = Object.assign([`explain (format json) ${strings[0]}`, ...strings.slice(1)], {
          raw: strings.raw,
        }) as unknown as TemplateStringsArray;
        const [row] = await db<{ 'QUERY PLAN': { Plan: Plan }[] }[]>(explained, ...values);
        plans.push(row!['QUERY PLAN'][0]!.Plan);
        return await db(strings, ...values);
      })();
    },
  });
  await work(recorder);
  return plans;
}

test('no statement of the product reads the usage log or the keys through', async (t) => {
  const { db } = await freshDatabase(t);
  await fill(db);
  const filled = `usage_logs_${new Date().toISOString().slice(0, 7).replace('-', '_')}`;
  const statements: Record<string, (recorder: Database) => Promise<unknown>> = {
    'newest rows': (recorder) => usageRows(recorder, 50),
    'the page behind a row': (recorder) => usageRows(recorder, 50, makeRequestId().text),
    totals: (recorder) => usageTotals(recorder),
    'principals of keys': (recorder) => findPrincipals(recorder, ['0'.repeat(64), '1'.repeat(64)]),
    'rows of a user': (recorder) =>
      recorder`select * from usage_logs where user_id = 7 order by created_at desc limit 50`.then(),
    'window of a user': (recorder) =>
      recorder`select sum(charged_nano_usd) from usage_logs where user_id = 7 and created_at > now() - interval '5 hours'`.then(),
    'window of a key': (recorder) =>
      recorder`select sum(charged_nano_usd) from usage_logs where key_id = 7 and created_at > now() - interval '5 hours'`.then(),
    'window of an account': (recorder) =>
      recorder`select sum(cost_nano_usd) from usage_logs where account_id = 7 and created_at > now() - interval '5 hours'`.then(),
    'row of a request': (recorder) =>
      recorder`select * from usage_logs where request_id = ${randomUUID()} and created_at = now()`.then(),
    'keys of a user': (recorder) => recorder`select key_hash from keys where user_id = 7 limit 101`.then(),
  };
  for (const [name, statement] of Object.entries(statements)) {
    const plans = await plansOf(db, statement);
    assert.equal(plans.length, 1, `${name} is one statement`);
    const scanned = plans.flatMap(sequentialScans).filter((table) => table === 'keys' || table === filled);
    assert.deepEqual(scanned, [], name);
  }
});

test('the usage log has the four indexes that its statements need, and no more', async (t) => {
  const { db } = await freshDatabase(t);
  const rows = await db`select indexname from pg_indexes where tablename = 'usage_logs' order by 1`;
  assert.deepEqual(
    rows.map((row) => row['indexname']),
    ['usage_logs_account', 'usage_logs_key', 'usage_logs_once', 'usage_logs_user'],
  );
});

test('totals and newest rows agree with the records', async (t) => {
  const { db, url } = await freshDatabase(t);
  await seedUsers(db, 2);
  assert.deepEqual(await usageTotals(db), {
    requests: 0,
    inputTokens: 0,
    outputTokens: 0,
    cacheReadTokens: 0,
    cacheWriteTokens: 0,
    reasoningTokens: 0,
    audioInputTokens: 0,
    audioOutputTokens: 0,
    imageInputTokens: 0,
    imageOutputTokens: 0,
    mediaItems: 0,
    mediaSeconds: 0,
    chargedNanoUsd: 0n,
  });
  const store = new BatchStore(url, { connectTimeoutMs: 10_000, timeoutMs: 20_000 });
  t.after(() => store.close());
  const records = Array.from({ length: 10 }, (_, i) =>
    makeRecord({ userId: 1 + (i % 2), createdAtMs: Date.now() + i }),
  );
  records[9]!.inputTokens = 2 ** 31 - 1;
  records[8]!.inputTokens = 2 ** 31 - 1;
  for (const record of records.slice(0, 3)) record.reasoningTokens = 10;
  Object.assign(records[9]!, { audioInputTokens: 1, audioOutputTokens: 2, imageInputTokens: 3, imageOutputTokens: 4 });
  Object.assign(records[9]!, { protocol: 'sora', upstreamProtocol: 'sora', mediaItems: 2, mediaSeconds: 12 });
  await store.commit({
    journalId: randomUUID(),
    expected: null,
    next: { segment: 1, offset: 1 },
    records: encodeRecords(...records),
  });
  assert.deepEqual(await usageTotals(db), {
    requests: 10,
    inputTokens: 8 * 120 + 2 * (2 ** 31 - 1),
    outputTokens: 400,
    cacheReadTokens: 10_000,
    cacheWriteTokens: 150,
    reasoningTokens: 30,
    audioInputTokens: 1,
    audioOutputTokens: 2,
    imageInputTokens: 3,
    imageOutputTokens: 4,
    mediaItems: 2,
    mediaSeconds: 12,
    chargedNanoUsd: 10_000n,
  });
  const rows = await usageRows(db, 3);
  assert.deepEqual(
    rows.map((row) => row.createdAtMs),
    records
      .slice(-3)
      .map((record) => record.createdAtMs)
      .reverse(),
  );
  const { protocol, upstreamProtocol, serviceTier, audioInputTokens, mediaItems, mediaSeconds } = rows[0]!;
  assert.deepEqual([protocol, upstreamProtocol, serviceTier], ['sora', 'sora', '']);
  assert.deepEqual([audioInputTokens, mediaItems, mediaSeconds], [1, 2, 12]);
  const { user, account, requestId, chargedNanoUsd, usageSource } = rows[0]!;
  assert.deepEqual(
    { user, account, requestId: requestId.replaceAll('-', ''), chargedNanoUsd, usageSource },
    { user: 'u2', account: '', requestId: records[9]!.requestId, chargedNanoUsd: 1000n, usageSource: 'reported' },
  );
});

/** Commits records under a journal of their own. */
async function commit(t: TestContext, { url }: TestDatabase, records: UsageRecord[]): Promise<void> {
  const store = new BatchStore(url, { connectTimeoutMs: 10_000, timeoutMs: 20_000 });
  t.after(() => store.close());
  const result = await store.commit({
    journalId: randomUUID(),
    expected: null,
    next: { segment: 1, offset: 1 },
    records: encodeRecords(...records),
  });
  assert.equal(result.kind, 'committed');
}

/** A record of that moment, with that moment in its id. */
function recordAt(createdAtMs: number): UsageRecord {
  const record = makeRecord();
  const time = createdAtMs.toString(16).padStart(12, '0');
  return { ...record, createdAtMs, requestId: time + record.requestId.slice(12) };
}

test('pages joined are the whole log, newest first: within a millisecond, over months, and for a row that is gone', async (t) => {
  const database = await freshDatabase(t);
  const { db } = database;
  await seedUsers(db, 1);
  const now = Date.now();
  await ensurePartitions(db, new Date(now - 32 * DAY_MS));
  const moments = [now, now, now, now - 5, now - 32 * DAY_MS, now - 32 * DAY_MS, now - 400 * DAY_MS];
  await commit(t, database, moments.map(recordAt));
  const whole = await usageRows(db, 100);
  assert.equal(whole.length, moments.length);
  for (const size of [1, 2, 3]) {
    const joined: string[] = [];
    let before: string | null = null;
    while (true) {
      const page: UsageListing[] = await usageRows(db, size, before);
      joined.push(...page.map(({ requestId }) => requestId));
      before = page.at(-1)?.requestId ?? null;
      if (page.length < size) break;
    }
    assert.deepEqual(
      joined,
      whole.map(({ requestId }) => requestId),
    );
  }
  const gone = whole[3]!.requestId;
  await db`delete from usage_logs where request_id = ${gone}`;
  assert.deepEqual((await usageRows(db, 100, gone)).length, 3);
});

/** As it was before the sums a day, and before the columns that came after them. */
async function undoSums(db: Database): Promise<void> {
  await db`drop trigger usage_logs_sums on usage_logs`;
  await db`drop function penstock_sum_usage`;
  await db`drop table usage_days`;
  await db`drop table jobs`;
  await db`
    alter table usage_logs drop column protocol, drop column upstream_protocol, drop column service_tier,
      drop column reasoning_tokens, drop column audio_input_tokens, drop column audio_output_tokens,
      drop column image_input_tokens, drop column image_output_tokens, drop column media_items, drop column media_seconds`;
  await db`alter table accounts drop column protocols, drop column settings`;
  await db`alter table groups drop column model_platforms cascade`;
  await db`delete from schema_migrations where name >= '0004'`;
}

test('a row counts in the totals once: sent twice, moved between partitions, or older than the sums', async (t) => {
  const database = await freshDatabase(t);
  const { db } = database;
  await seedUsers(db, 1);
  const later = Date.now() + 100 * DAY_MS;
  const records = [recordAt(Date.now()), recordAt(Date.now() - 400 * DAY_MS), recordAt(later)];
  await commit(t, database, records);
  await commit(t, database, records);
  const counted = { requests: 3, inputTokens: 360, chargedNanoUsd: 3000n };
  const totals = async (): Promise<object> => {
    const { requests, inputTokens, chargedNanoUsd } = await usageTotals(db);
    return { requests, inputTokens, chargedNanoUsd };
  };
  assert.deepEqual(await totals(), counted);
  assert.ok((await ensurePartitions(db, new Date(later))).length > 0, 'the late row has moved to its own partition');
  assert.deepEqual(await totals(), counted);
  await undoSums(db);
  await migrate(db);
  assert.deepEqual(await totals(), counted);
  await commit(t, database, [recordAt(Date.now())]);
  assert.deepEqual(await totals(), { requests: 4, inputTokens: 480, chargedNanoUsd: 4000n });
});

test('two writers at once lose no sum', async (t) => {
  const database = await freshDatabase(t);
  await seedUsers(database.db, 1);
  const batches = Array.from({ length: 8 }, () =>
    Array.from({ length: 50 }, (_, i) => recordAt(Date.now() - i * DAY_MS)),
  );
  await Promise.all(batches.map((records) => commit(t, database, records)));
  assert.equal((await usageTotals(database.db)).requests, 400);
});
