import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { BatchStore } from '#store/batch-store.ts';
import { copyIn } from '#store/copy-in.ts';
import { SingleConnection } from '#store/single-connection.ts';
import type { CommitResult } from '#usage/usage-store.ts';
import { committedSoon } from '../support/committed-soon.ts';
import { freshDatabase } from '../support/postgres.ts';
import { openStalledPort } from '../support/stalled-port.ts';
import { encodeRecords, makeRecord, readBooks, seedUsers } from '../support/usage-records.ts';
import { waitFor, within } from '../support/wait-for.ts';

const JOURNAL = randomUUID();

function openStore(t: TestContext, url: string, timeoutMs = 20_000): BatchStore {
  const store = new BatchStore(url, { connectTimeoutMs: Math.min(timeoutMs * 2, 10_000), timeoutMs });
  t.after(() => store.close());
  return store;
}

function connect(url: string): Promise<SingleConnection> {
  return SingleConnection.open(url, { connectTimeoutMs: 10_000, statementTimeoutMs: 20_000, applicationName: 'test' });
}

function committed(result: CommitResult): Extract<CommitResult, { kind: 'committed' }> {
  assert.equal(result.kind, 'committed');
  return result as Extract<CommitResult, { kind: 'committed' }>;
}

test('a batch is rows, debits and fence in one transaction, with the new balances', async (t) => {
  const { db, url } = await freshDatabase(t);
  await seedUsers(db, 2);
  const store = openStore(t, url);
  assert.equal(await store.readFence(JOURNAL), null);
  const records = encodeRecords(makeRecord({ userId: 1 }), makeRecord({ userId: 1 }), makeRecord({ userId: 2 }));
  const next = { segment: 1, offset: 500 };
  const result = committed(await store.commit({ journalId: JOURNAL, expected: null, next, records }));
  assert.deepEqual([result.inserted, result.duplicates, result.strays], [3, 0, 0]);
  assert.deepEqual(
    result.balances.toSorted((a, b) => a.userId - b.userId),
    [
      { userId: 1, balanceNanoUsd: 999_998_000n },
      { userId: 2, balanceNanoUsd: 999_999_000n },
    ],
  );
  assert.deepEqual(await store.readFence(JOURNAL), next);
  assert.deepEqual(await store.readBalances([2, 77]), [{ userId: 2, balanceNanoUsd: 999_999_000n }]);
});

test('every field of a record arrives in its column', async (t) => {
  const { db, url } = await freshDatabase(t);
  await seedUsers(db, 1);
  const record = makeRecord({
    model: 'a\\b\tc\nd\re "quoted" é 🙂 \\N',
    clientRequestId: '\\.',
    upstreamRequestId: '',
    firstByteMs: -1,
    stream: false,
    status: 'client_gone',
    usageSource: 'estimated',
    chargedNanoUsd: 2n ** 62n,
    costNanoUsd: 3n,
    webSearchRequests: 9,
    httpStatus: 529,
    attempts: 3,
    queueMs: 12,
    protocol: 'chat',
    upstreamProtocol: 'messages',
    serviceTier: 'priority',
    reasoningTokens: 1,
    audioInputTokens: 2,
    audioOutputTokens: 3,
    imageInputTokens: 4,
    imageOutputTokens: 5,
    mediaItems: 6,
    mediaSeconds: 7,
  });
  const store = openStore(t, url);
  committed(
    await store.commit({
      journalId: JOURNAL,
      expected: null,
      next: { segment: 1, offset: 1 },
      records: encodeRecords(record),
    }),
  );
  const [row] = await db`select * from usage_logs`;
  assert.deepEqual(
    { ...row },
    {
      request_id: record.requestId.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5'),
      created_at: new Date(record.createdAtMs),
      user_id: 1,
      key_id: 1,
      group_id: 1,
      account_id: 1,
      model: record.model,
      upstream_model: record.upstreamModel,
      stream: false,
      status: 'client_gone',
      usage_source: 'estimated',
      http_status: 529,
      input_tokens: 120,
      output_tokens: 40,
      cache_read_tokens: 1000,
      cache_write_5m_tokens: 10,
      cache_write_1h_tokens: 5,
      web_search_requests: 9,
      cost_nano_usd: '3',
      charged_nano_usd: String(2n ** 62n),
      multiplier_micros: 1_111_111,
      attempts: 3,
      queue_ms: 12,
      first_byte_ms: -1,
      duration_ms: 4000,
      client_request_id: '\\.',
      upstream_request_id: '',
      protocol: 'chat',
      upstream_protocol: 'messages',
      service_tier: 'priority',
      reasoning_tokens: 1,
      audio_input_tokens: 2,
      audio_output_tokens: 3,
      image_input_tokens: 4,
      image_output_tokens: 5,
      media_items: 6,
      media_seconds: 7,
    },
  );
});

test('the version before, which does not know protocols, stages and inserts its rows as it did', async (t) => {
  const { db } = await freshDatabase(t);
  const columns = (await db`select * from usage_logs`).columns.map(({ name }) => name).slice(0, 27);
  const list = columns.join(', ');
  await db.transaction(async (tx) => {
    await tx`create temp table staged (like usage_logs) on commit drop`;
    await tx.unsafe(`
      insert into staged (${list})
      values (gen_random_uuid(), now(), 1, 1, 1, 1, 'm', 'm', true, 'completed', 'reported', 200, 1, 2, 3, 4, 5, 6, 7, 8, 1000000, 1,
              0, 1, 1, '', '')`);
    await tx.unsafe(`insert into usage_logs (${list}) select ${list} from staged`);
  });
  const [row] =
    await db`select protocol, upstream_protocol, service_tier, reasoning_tokens, media_seconds from usage_logs`;
  assert.deepEqual(
    { ...row },
    { protocol: 'messages', upstream_protocol: 'messages', service_tier: '', reasoning_tokens: 0, media_seconds: 0 },
  );
  const [day] = await db`select requests::int, charged_nano_usd::int, reasoning_tokens::int from usage_days`;
  assert.deepEqual({ ...day }, { requests: 1, charged_nano_usd: 8, reasoning_tokens: 0 });
});

test('a batch whose fence is elsewhere changes nothing', async (t) => {
  const { db, url } = await freshDatabase(t);
  await seedUsers(db, 1);
  const store = openStore(t, url);
  const next = { segment: 1, offset: 100 };
  const batch = { journalId: JOURNAL, expected: null, next, records: encodeRecords(makeRecord()) };
  committed(await store.commit(batch));
  assert.deepEqual(await store.commit(batch), { kind: 'moved' });
  const elsewhere = { ...batch, expected: { segment: 1, offset: 99 }, next: { segment: 1, offset: 200 } };
  assert.deepEqual(await store.commit(elsewhere), { kind: 'moved' });
  assert.deepEqual(await readBooks(db), { rows: 1, requests: 1, chargedNanoUsd: 1000n, debitedNanoUsd: 1000n });
  committed(await store.commit({ ...batch, expected: next, next: { segment: 2, offset: 64 }, records: [] }));
  assert.deepEqual(await store.readFence(JOURNAL), { segment: 2, offset: 64 });
});

test('a duplicate within a batch or of an earlier one is not debited again', async (t) => {
  const { db, url } = await freshDatabase(t);
  await seedUsers(db, 1);
  const store = openStore(t, url);
  const record = makeRecord();
  const first = {
    journalId: JOURNAL,
    expected: null,
    next: { segment: 1, offset: 1 },
    records: encodeRecords(record, record),
  };
  const result = committed(await store.commit(first));
  assert.deepEqual([result.inserted, result.duplicates], [1, 1]);
  const again = committed(
    await store.commit({
      ...first,
      expected: first.next,
      next: { segment: 1, offset: 2 },
      records: encodeRecords(record),
    }),
  );
  assert.deepEqual([again.inserted, again.duplicates], [0, 1]);
  assert.deepEqual(again.balances, [{ userId: 1, balanceNanoUsd: 999_999_000n }]);
});

test('a record that is no row is named; a constraint refuses the batch and leaves no trace', async (t) => {
  const { db, url } = await freshDatabase(t);
  await seedUsers(db, 1);
  await db`alter table usage_logs add constraint refused check (model <> 'refused')`;
  const store = openStore(t, url);
  const batch = { journalId: JOURNAL, expected: null, next: { segment: 1, offset: 1 } };
  const open = await store.commit({ ...batch, records: encodeRecords(makeRecord(), makeRecord({ status: 'open' })) });
  assert.deepEqual(open, { kind: 'refused', index: 1, reason: 'an open record is no row' });
  const refused = await store.commit({
    ...batch,
    records: encodeRecords(makeRecord(), makeRecord({ model: 'refused' })),
  });
  assert.equal(refused.kind, 'refused');
  assert.equal(await store.readFence(JOURNAL), null);
  committed(await store.commit({ ...batch, records: encodeRecords(makeRecord()) }));
  assert.equal((await readBooks(db)).rows, 1);
});

test('a COPY that PostgreSQL refuses is told by the next statement at once, with the true reason', async (t) => {
  const { url } = await freshDatabase(t);
  const good = '1\ttext\n';
  const slow = 'create temp table target (number int check (pg_sleep(1)::text is not null), words text)';
  const plain = 'create temp table target (number int, words text)';
  for (const [table, data, code, limitMs] of [
    [plain, 'x\ttext\n', '22P02', 20_000],
    [plain, `${good.repeat(50_000)}x\ttext\n`, '22P02', 20_000],
    [plain, `x\ttext\n${good.repeat(50_000)}`, '22P02', 20_000],
    [slow, good, '57014', 200],
  ] as const) {
    const connection = await connect(url);
    t.after(() => connection.destroy());
    const { sql } = connection;
    await sql.unsafe(table);
    await sql.unsafe(`set statement_timeout = ${limitMs}`);
    await sql.unsafe('begin');
    const refusal = (async () => {
      const outcome = await copyIn(connection, 'copy target from stdin', data);
      await sql.unsafe('select 1').catch((error: unknown) => {
        throw outcome.refusal ?? error;
      });
    })();
    await assert.rejects(within('a refusal', 10_000, refusal), { name: 'PostgresError', code });
    connection.destroy();
  }
});

test('a server that is out of something does not make records poison', async (t) => {
  const { db, url } = await freshDatabase(t);
  await seedUsers(db, 1);
  const store = openStore(t, url, 400);
  await db`alter table usage_logs add constraint slow check (pg_sleep(1)::text is not null)`;
  const batch = {
    journalId: JOURNAL,
    expected: null,
    next: { segment: 1, offset: 1 },
    records: encodeRecords(makeRecord()),
  };
  assert.equal((await store.commit(batch)).kind, 'away');
  await db`alter table usage_logs drop constraint slow`;
  assert.equal((await committedSoon(store, batch)).kind, 'committed');
});

test('a COPY cut off by the server ends its batch and nothing else', async (t) => {
  const { db, url } = await freshDatabase(t);
  const uncaught: unknown[] = [];
  const note = (error: unknown) => uncaught.push(error);
  process.on('uncaughtException', note);
  t.after(() => process.off('uncaughtException', note));
  for (let round = 0; round < 10; round++) {
    const connection = await connect(url);
    t.after(() => connection.destroy());
    const { sql } = connection;
    await sql.unsafe('create temp table target (number int, words text)');
    const [row] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
    await sql.unsafe('begin');
    const killing = round % 2 === 0 ? db`select pg_terminate_backend(${row!.pid})` : null;
    const copying = (async () => {
      if (killing !== null) await killing;
      await copyIn(connection, 'copy target from stdin', '1\tsome words to fill the buffers\n'.repeat(20_000));
      if (killing === null) await db`select pg_terminate_backend(${row!.pid})`;
      await sql.unsafe('commit');
    })();
    await assert.rejects(within('the end of the copy', 10_000, copying));
    assert.equal(connection.usable, false);
  }
  assert.deepEqual(uncaught, []);
});

test('a silent server ends a batch at its deadline; the next one goes through when it speaks again', async (t) => {
  const { db, url, server } = await freshDatabase(t);
  await seedUsers(db, 1);
  const store = openStore(t, url, 500);
  const batch = {
    journalId: JOURNAL,
    expected: null,
    next: { segment: 1, offset: 9 },
    records: encodeRecords(makeRecord()),
  };
  await waitFor('a connection', async () => (await store.readFence(JOURNAL).catch(() => true)) === null);
  const thaw = server.freeze();
  try {
    const frozen = await within('the deadline', 10_000, store.commit(batch));
    assert.equal(frozen.kind, 'away');
    const again = await within('the deadline of connecting', 10_000, store.commit(batch));
    assert.equal(again.kind, 'away');
  } finally {
    thaw();
  }
  const after = await committedSoon(store, batch);
  assert.ok(after.kind === 'committed' || after.kind === 'moved', 'the frozen one may have gone through after all');
  assert.deepEqual(await readBooks(db), { rows: 1, requests: 1, chargedNanoUsd: 1000n, debitedNanoUsd: 1000n });
});

test('a connection is never remade behind its user: the second half of a transaction fails', async (t) => {
  const { db, url } = await freshDatabase(t);
  const connection = await connect(url);
  t.after(() => connection.destroy());
  const { sql } = connection;
  await sql.unsafe('begin');
  const [row] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  await db`select pg_terminate_backend(${row!.pid})`;
  await assert.rejects(within('an answer', 3000, sql.unsafe('select 1').then()));
  await assert.rejects(within('an answer', 3000, sql.unsafe('commit').then()));
});

test('closing breaks off a connecting that is under way', async () => {
  const stalled = await openStalledPort();
  const store = new BatchStore(stalled.url.replace('http', 'postgres'), {
    connectTimeoutMs: 20_000,
    timeoutMs: 20_000,
  });
  const asked = store.readFence(JOURNAL);
  const closed = assert.rejects(within('a refusal', 10_000, asked), /is closed/);
  await store.close();
  await closed;
  await stalled.close();
});

test('an address that nobody answers at is given up in time', async () => {
  const store = new BatchStore('postgres://nobody@127.0.0.1:1/none', { connectTimeoutMs: 500, timeoutMs: 500 });
  const result = await within(
    'a refusal',
    10_000,
    store.commit({
      journalId: JOURNAL,
      expected: null,
      next: { segment: 1, offset: 1 },
      records: encodeRecords(makeRecord()),
    }),
  );
  assert.equal(result.kind, 'away');
  await store.close();
});
