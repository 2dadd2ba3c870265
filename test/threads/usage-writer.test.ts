import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { ensurePartitions } from '#store/ensure-partitions.ts';
import { freshDatabase } from '../support/postgres.ts';
import { makeRecord, readBooks, seedUsers } from '../support/usage-records.ts';
import { waitFor } from '../support/wait-for.ts';
import { WriterHarness } from '../support/writer-harness.ts';

test('records of several fronts become rows and debits, exactly once', async (t) => {
  const { db, url } = await freshDatabase(t);
  await seedUsers(db, 3);
  const writer = await WriterHarness.start(t, { databaseUrl: url, fronts: 2 });
  for (let i = 0; i < 300; i++) await writer.record(makeRecord({ userId: 1 + (i % 3) }), i % 2);
  assert.equal(await writer.flush(), null);
  assert.deepEqual(await readBooks(db), {
    rows: 300,
    requests: 300,
    chargedNanoUsd: 300_000n,
    debitedNanoUsd: 300_000n,
  });
  assert.equal(writer.counters.value('rowsCommitted'), 300);
  const told = writer.balances.reduce((sum, entry) => sum + entry.committedNanoUsd, 0n);
  assert.equal(told, 300_000n);
  assert.equal(writer.balances.findLast((entry) => entry.userId === 2)?.balanceNanoUsd, 1_000_000_000n - 100_000n);
  assert.equal(await writer.drain(), 0);
  assert.deepEqual(writer.segments, []);
});

test('records that a killed writer left in its journal are billed by the next one, and not counted as its own', async (t) => {
  const { db, url, server } = await freshDatabase(t);
  await seedUsers(db, 1);
  const writer = await WriterHarness.start(t, { databaseUrl: url });
  const thaw = server.freeze();
  for (let i = 0; i < 200; i++) await writer.record(makeRecord());
  await journaled(writer, 200);
  await writer.kill();
  thaw();
  writer.balances.length = 0;
  assert.equal(await writer.start(), 200);
  assert.deepEqual(await readBooks(db), {
    rows: 200,
    requests: 200,
    chargedNanoUsd: 200_000n,
    debitedNanoUsd: 200_000n,
  });
  assert.deepEqual(
    writer.balances.map((entry) => entry.committedNanoUsd),
    [0n],
  );
  assert.equal(await writer.drain(), 0);
  assert.deepEqual(writer.segments, []);
  assert.equal((await db`select 1 from usage_fence where journal_id is not null`).length <= 1, true);
});

test('a writer killed at any moment loses and doubles nothing that was in its journal', async (t) => {
  const { db, url } = await freshDatabase(t);
  await seedUsers(db, 1);
  const writer = await WriterHarness.start(t, { databaseUrl: url, usage: { batchMs: 1, batchRows: 7 } });
  let made = 0;
  for (let life = 0; life < 8; life++) {
    const records = 20 + life * 13;
    for (let i = 0; i < records; i++) await writer.record(makeRecord());
    made += records;
    await journaled(writer, records);
    await writer.kill();
    await writer.start();
  }
  assert.equal(await writer.flush(), null);
  const nano = BigInt(made) * 1000n;
  assert.deepEqual(await readBooks(db), { rows: made, requests: made, chargedNanoUsd: nano, debitedNanoUsd: nano });
  await writer.drain();
});

test('while PostgreSQL is frozen the journal grows and alarms; afterwards everything is billed once', async (t) => {
  const { db, url, server } = await freshDatabase(t);
  await seedUsers(db, 1);
  const usage = { batchTimeoutMs: 500, batchMs: 5 };
  const writer = await WriterHarness.start(t, { databaseUrl: url, usage, flushMs: 300 });
  await writer.record(makeRecord());
  assert.equal(await flushed(writer), null);
  const thaw = server.freeze();
  try {
    for (let i = 0; i < 100; i++) await writer.record(makeRecord());
    await writer.alarm('database_away', true);
    assert.equal(writer.pressure.databaseAway, true);
    for (let i = 0; i < 100; i++) await writer.record(makeRecord());
    assert.match((await writer.flush())!, /not everything is in PostgreSQL yet/);
    await waitFor('200 records to wait', () => writer.pressure.recordsWaiting === 200);
  } finally {
    thaw();
  }
  await writer.alarm('database_away', false);
  assert.equal(await flushed(writer), null);
  assert.deepEqual(await readBooks(db), {
    rows: 201,
    requests: 201,
    chargedNanoUsd: 201_000n,
    debitedNanoUsd: 201_000n,
  });
  const told = writer.balances.reduce((sum, entry) => sum + entry.committedNanoUsd, 0n);
  assert.equal(told, 201_000n);
  await writer.drain();
});

test('a writer that starts while PostgreSQL is away is ready at once and replays later', async (t) => {
  const { db, url, server } = await freshDatabase(t);
  await seedUsers(db, 1);
  const usage = { batchTimeoutMs: 500 };
  const writer = await WriterHarness.start(t, { databaseUrl: url, usage, connectTimeoutMs: 1000 });
  const thaw = server.freeze();
  try {
    for (let i = 0; i < 50; i++) await writer.record(makeRecord());
    await journaled(writer, 50);
    await writer.kill();
    assert.equal(await writer.start(), 0);
    await writer.record(makeRecord());
    await journaled(writer, 1);
  } finally {
    thaw();
  }
  assert.equal(await flushed(writer), null);
  assert.equal((await readBooks(db)).rows, 51);
  await writer.drain();
});

test('connections cut in the middle of batches neither lose nor double a row, nor end the thread', async (t) => {
  const { db, url, terminate } = await freshDatabase(t);
  await seedUsers(db, 1);
  const writer = await WriterHarness.start(t, { databaseUrl: url, usage: { batchMs: 1, batchRows: 50 } });
  let made = 0;
  let cut = 0;
  while (cut < 6 && made < 20_000) {
    for (let i = 0; i < 40; i++, made++) await writer.record(makeRecord());
    cut += await terminate('penstock usage-writer');
  }
  // A connection that was cut may still be listed when the next one is cut.
  assert.ok(cut >= 6, `${cut} connections were cut`);
  assert.equal(await flushed(writer), null);
  const nano = BigInt(made) * 1000n;
  assert.deepEqual(await readBooks(db), { rows: made, requests: made, chargedNanoUsd: nano, debitedNanoUsd: nano });
  assert.equal(writer.failure, null);
  await writer.drain();
});

test('a request id that comes twice is billed once', async (t) => {
  const { db, url } = await freshDatabase(t);
  await seedUsers(db, 1);
  const writer = await WriterHarness.start(t, { databaseUrl: url });
  const record = makeRecord();
  await writer.record(record);
  await writer.record(record);
  await writer.flush();
  await writer.record(record);
  await writer.flush();
  assert.deepEqual(await readBooks(db), { rows: 1, requests: 1, chargedNanoUsd: 1000n, debitedNanoUsd: 1000n });
  assert.equal(writer.counters.value('rowsDuplicate'), 2);
  await writer.drain();
});

test('a record that PostgreSQL never takes is set aside with an alarm, the others are billed', async (t) => {
  const { db, url } = await freshDatabase(t);
  await seedUsers(db, 1);
  await db`alter table usage_logs add constraint refused check (model <> 'refused')`;
  const writer = await WriterHarness.start(t, { databaseUrl: url, usage: { batchMs: 200 } });
  for (let i = 0; i < 300; i++) await writer.record(makeRecord(i === 137 || i === 250 ? { model: 'refused' } : {}));
  assert.equal(await writer.flush(), null);
  assert.equal((await readBooks(db)).rows, 298);
  assert.equal(writer.counters.value('rowsPoison'), 2);
  await writer.alarm('poison_record', true);
  const lines = readFileSync(join(writer.journalDir, 'poison.jsonl'), 'utf8').trim().split('\n');
  const poison = lines.map((line) => JSON.parse(line));
  assert.deepEqual(
    poison.map((line) => line.record.model),
    ['refused', 'refused'],
  );
  assert.match(poison[0].reason, /violates check constraint "refused"/);
  const told = writer.balances.reduce((sum, entry) => sum + entry.committedNanoUsd, 0n);
  assert.equal(told, 300_000n, 'what is set aside is no longer owed by the shared ledger');
  assert.equal(await writer.drain(), 0);
});

test('at its bound the journal refuses new work, and admits it again when PostgreSQL is back', async (t) => {
  const { db, url, server } = await freshDatabase(t);
  await seedUsers(db, 1);
  const usage = { journalBytesMax: 2 ** 20, segmentBytes: 65_536, ringBytes: 65_536, batchTimeoutMs: 500 };
  const writer = await WriterHarness.start(t, { databaseUrl: url, usage });
  const { pressure } = writer;
  const thaw = server.freeze();
  let made = 0;
  try {
    while (!pressure.refuse && made < 20_000) {
      await writer.record(makeRecord());
      made++;
    }
    assert.equal(pressure.refuse, true);
    await writer.alarm('journal_near_bound', true);
    await journaled(writer, made);
    assert.ok(pressure.journalBytes <= 2 ** 20, `${pressure.journalBytes} bytes of journal`);
  } finally {
    thaw();
  }
  await waitFor('admission again', () => !pressure.refuse, { boundMs: 20_000 });
  await writer.alarm('journal_near_bound', false);
  assert.equal(await flushed(writer), null);
  const nano = BigInt(made) * 1000n;
  assert.deepEqual(await readBooks(db), { rows: made, requests: made, chargedNanoUsd: nano, debitedNanoUsd: nano });
  await writer.drain();
});

test('rows go into the partition of their month, and into the default one with an alarm when there is none', async (t) => {
  const { db, url } = await freshDatabase(t);
  await seedUsers(db, 1);
  const now = new Date();
  const nextMonthMs = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1);
  const writer = await WriterHarness.start(t, { databaseUrl: url });
  await writer.record(makeRecord({ createdAtMs: nextMonthMs - 1 }));
  await writer.record(makeRecord({ createdAtMs: nextMonthMs }));
  await writer.flush();
  assert.equal(writer.alarms.length, 0);
  const farMs = Date.UTC(now.getUTCFullYear() + 1, 5, 15);
  await writer.record(makeRecord({ createdAtMs: farMs }));
  await writer.flush();
  await writer.alarm('default_partition', true);
  const where = () =>
    db<{ part: string }[]>`select tableoid::regclass::text as part from usage_logs order by created_at`;
  const name = (ms: number) => `usage_logs_${new Date(ms).toISOString().slice(0, 7).replace('-', '_')}`;
  assert.deepEqual(
    (await where()).map((row) => row.part),
    [name(nextMonthMs - 1), name(nextMonthMs), 'usage_logs_default'],
  );
  await ensurePartitions(db, new Date(farMs));
  assert.equal((await where())[2]!.part, name(farMs));
  await writer.drain();
});

test('damage inside a journal costs the damaged record and nothing else; a torn tail costs nothing', async (t) => {
  const { db, url, server } = await freshDatabase(t);
  await seedUsers(db, 1);
  const writer = await WriterHarness.start(t, { databaseUrl: url });
  const thaw = server.freeze();
  for (let i = 0; i < 100; i++) await writer.record(makeRecord());
  await journaled(writer, 100);
  await writer.kill();
  thaw();
  const path = join(writer.journalDir, writer.segments[0]!);
  const bytes = readFileSync(path);
  bytes[Math.floor(bytes.length / 2)]! ^= 0x10;
  writeFileSync(path, Buffer.concat([bytes, bytes.subarray(64, 100)]));
  assert.equal(await writer.start(), 99);
  await writer.alarm('poison_record', true);
  assert.equal((await readBooks(db)).rows, 99);
  assert.ok(readdirSync(writer.journalDir).includes(`${basename(path)}.bad`));
  await writer.record(makeRecord());
  assert.equal(await writer.flush(), null);
  assert.equal(await writer.drain(), 0);
  assert.deepEqual(writer.segments, []);
});

test('what PostgreSQL does not take within the deadline of a drain stays for the next start', async (t) => {
  const { db, url, server } = await freshDatabase(t);
  await seedUsers(db, 1);
  const writer = await WriterHarness.start(t, { databaseUrl: url });
  const thaw = server.freeze();
  try {
    for (let i = 0; i < 30; i++) await writer.record(makeRecord());
    assert.equal(await writer.drain(500), 30);
  } finally {
    thaw();
  }
  assert.equal(await writer.start(), 30);
  assert.equal((await readBooks(db)).rows, 30);
  await writer.drain();
});

/** Until so many records of this life are in the journal. */
async function journaled(writer: WriterHarness, records: number): Promise<void> {
  await waitFor(`${records} records in the journal`, () => writer.counters.value('journalRecords') === records);
}

/** Flushes again while PostgreSQL comes back. */
async function flushed(writer: WriterHarness): Promise<string | null> {
  return await waitFor('a flush that succeeds', async () => (await writer.flush()) === null, { boundMs: 20_000 }).then(
    () => null,
  );
}
