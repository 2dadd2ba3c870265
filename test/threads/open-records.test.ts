/** Open records on a real usage-writer: what a killed process or a dead front had open becomes rows, once. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Database } from '#store/database.ts';
import { KIND } from '#usage/record.ts';
import { freshDatabase } from '../support/postgres.ts';
import { makeRecord, readBooks, seedUsers } from '../support/usage-records.ts';
import { waitFor } from '../support/wait-for.ts';
import { WriterHarness } from '../support/writer-harness.ts';

interface Row {
  request_id: string;
  status: string;
  output_tokens: number;
}

function rowsOf(db: Database): Promise<Row[]> {
  return db<Row[]>`select replace(request_id::text, '-', '') as request_id, status, output_tokens from usage_logs`;
}

/** Until the writer has taken everything out of the rings. */
async function taken(writer: WriterHarness): Promise<void> {
  await writer.record(makeRecord({ userId: 2, chargedNanoUsd: 0n }));
  await writer.journaled();
}

test('what a killed process had open is billed as interrupted by its newest record; what it had closed or withdrawn is not', async (t) => {
  const { db, url } = await freshDatabase(t);
  await seedUsers(db, 2);
  const writer = await WriterHarness.start(t, { databaseUrl: url, fronts: 2 });
  const [left, closed, withdrawn] = [makeRecord(), makeRecord(), makeRecord()];
  for (const front of [0, 1]) assert.ok(writer.open(front === 0 ? left : closed, front));
  assert.ok(writer.open(withdrawn));
  assert.ok(writer.open({ ...left, outputTokens: 77, usageSource: 'estimated' }));
  assert.ok(writer.open(withdrawn, 0, KIND.void));
  await writer.closing(closed, 1);
  await taken(writer);
  await writer.kill();
  assert.equal(await writer.start(), 3);
  assert.equal(await writer.flush(), null);
  const rows = (await rowsOf(db)).filter((row) => row.request_id !== '');
  const find = (id: string) => rows.filter((row) => row.request_id === id);
  assert.deepEqual(find(left.requestId), [{ request_id: left.requestId, status: 'interrupted', output_tokens: 77 }]);
  assert.deepEqual(find(closed.requestId), [{ request_id: closed.requestId, status: 'completed', output_tokens: 40 }]);
  assert.deepEqual(find(withdrawn.requestId), []);
  await writer.kill();
  assert.equal(await writer.start(), 0, 'a second start finds nothing more');
  assert.equal((await readBooks(db)).rows, 3);
  assert.equal(await writer.drain(), 0);
  assert.deepEqual(writer.segments, []);
});

test('open records outlive the deletion of the segments that they were written to', async (t) => {
  const { db, url } = await freshDatabase(t);
  await seedUsers(db, 2);
  const writer = await WriterHarness.start(t, { databaseUrl: url, usage: { segmentBytes: 65_536, batchMs: 1 } });
  const open = Array.from({ length: 40 }, () => makeRecord());
  for (const record of open) await waitFor('room', () => writer.open(record));
  await taken(writer);
  const first = writer.segments[0]!;
  while (writer.segments.includes(first)) for (let i = 0; i < 50; i++) await writer.record(makeRecord());
  const [one, ...rest] = open;
  await writer.closing(one!);
  await taken(writer);
  await writer.kill();
  await writer.start();
  assert.equal(await writer.flush(), null);
  const rows = await rowsOf(db);
  assert.equal(new Set(rows.map((row) => row.request_id)).size, rows.length);
  const interrupted = rows.filter((row) => row.status === 'interrupted').map((row) => row.request_id);
  assert.deepEqual(interrupted.sort(), rest.map((record) => record.requestId).sort());
  await writer.drain();
});

test('when a front dies what it had open becomes rows that no front is said to have booked; other fronts are not touched', async (t) => {
  const { db, url } = await freshDatabase(t);
  await seedUsers(db, 2);
  const writer = await WriterHarness.start(t, { databaseUrl: url, fronts: 2 });
  const [dead, alive] = [makeRecord(), makeRecord()];
  writer.open(dead, 0);
  writer.open(alive, 1);
  await writer.record(makeRecord(), 0);
  assert.equal(await writer.frontGone(0), 1);
  assert.equal(await writer.frontGone(0), 0);
  assert.equal(await writer.flush(), null);
  assert.deepEqual((await rowsOf(db)).map((row) => row.status).sort(), ['completed', 'interrupted']);
  const told = writer.balances.reduce((sum, entry) => sum + entry.committedNanoUsd, 0n);
  assert.equal(told, 1000n, 'only what a front had booked');
  assert.equal(writer.balances.at(-1)?.balanceNanoUsd, 1_000_000_000n - 2000n);
  await writer.closing(alive, 1);
  await writer.record({ ...dead, status: 'completed' }, 0);
  assert.equal(await writer.flush(), null);
  assert.equal((await readBooks(db)).rows, 3, 'a close that comes late is not billed again');
  await writer.drain();
});

test('a process that ends in order leaves no open record behind, whatever its fronts left', async (t) => {
  const { db, url } = await freshDatabase(t);
  await seedUsers(db, 2);
  const writer = await WriterHarness.start(t, { databaseUrl: url });
  writer.open(makeRecord());
  assert.equal(await writer.drain(), 0);
  assert.deepEqual(writer.segments, []);
  assert.deepEqual(
    (await rowsOf(db)).map((row) => row.status),
    ['interrupted'],
  );
});

test('an open record takes no room that is reserved for a settle', async (t) => {
  const { db, url } = await freshDatabase(t);
  await seedUsers(db, 2);
  const writer = await WriterHarness.start(t, { databaseUrl: url });
  const producer = writer.producers[0]!;
  let reserved = 0;
  while (producer.reserve()) reserved++;
  assert.equal(writer.open(makeRecord()), false);
  for (let i = 0; i < reserved; i++) producer.push(makeRecord({ chargedNanoUsd: 0n }));
  assert.equal(await writer.flush(), null);
  assert.equal((await readBooks(db)).rows, reserved);
  await writer.drain();
});
