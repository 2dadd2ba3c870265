/** Journals of other versions of the product: an earlier one is replayed, a later one is left for the version that knows it. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { pack, unpack } from '#base/msgpack.ts';
import { frameWord, SEGMENT_HEADER_BYTES, scanFrames } from '#usage/journal-segment.ts';
import { FORMAT_VERSION } from '#usage/record.ts';
import { freshDatabase, type TestDatabase } from '../support/postgres.ts';
import { makeRecord, readBooks, seedUsers } from '../support/usage-records.ts';
import { waitFor } from '../support/wait-for.ts';
import { WriterHarness } from '../support/writer-harness.ts';

/** Says in the head of every segment that it is of this version; a version-1 folder has no owner files either. */
function setVersion(dir: string, version: number): void {
  for (const name of readdirSync(dir).filter((file) => file.endsWith('.journal'))) {
    const path = join(dir, name);
    const bytes = readFileSync(path);
    bytes.writeUInt32LE(version, 8);
    bytes.writeUInt32LE(crc32(bytes.subarray(0, 60)), 60);
    writeFileSync(path, bytes);
  }
}

/** Makes the frames of every segment what a version before 3 wrote: records of 27 fields. */
function shortenRecords(dir: string): void {
  for (const name of readdirSync(dir).filter((file) => file.endsWith('.journal'))) {
    const path = join(dir, name);
    const bytes = readFileSync(path);
    const bounds = { rowsMax: 1000, bytesMax: bytes.length, atEnd: true };
    const { frames } = scanFrames(bytes.subarray(SEGMENT_HEADER_BYTES), SEGMENT_HEADER_BYTES, bounds);
    const shortened = frames.map(({ kind, payload }) => {
      const record = pack((unpack(payload) as unknown[]).slice(0, 27));
      const head = Buffer.alloc(8);
      head.writeUInt32LE(frameWord(record.length, kind), 0);
      head.writeUInt32LE(crc32(record, kind), 4);
      return Buffer.concat([head, record]);
    });
    writeFileSync(path, Buffer.concat([bytes.subarray(0, SEGMENT_HEADER_BYTES), ...shortened]));
  }
}

/** A writer killed with 50 records in its journal that PostgreSQL has not seen. */
async function killedWriter(t: TestContext): Promise<{ database: TestDatabase; writer: WriterHarness }> {
  const database = await freshDatabase(t);
  await seedUsers(database.db, 1);
  const writer = await WriterHarness.start(t, {
    databaseUrl: database.url,
    usage: { batchMs: 60_000, segmentBytes: 65_536 },
  });
  for (let i = 0; i < 50; i++) await writer.record(makeRecord());
  await waitFor('records in the journal', () => writer.counters.value('journalRecords') === 50);
  await writer.kill();
  return { database, writer };
}

for (const version of [1, 2]) {
  test(`a journal of version ${version} is replayed, its records as Anthropic Messages`, async (t) => {
    const { database, writer } = await killedWriter(t);
    shortenRecords(writer.journalDir);
    setVersion(writer.journalDir, version);
    assert.equal(await writer.start(), 50);
    assert.equal((await readBooks(database.db)).rows, 50);
    const protocols = await database.db`select distinct protocol, upstream_protocol, service_tier from usage_logs`;
    assert.deepEqual([...protocols], [{ protocol: 'messages', upstream_protocol: 'messages', service_tier: '' }]);
    assert.equal(await writer.drain(), 0);
    assert.deepEqual(readdirSync(writer.journalDir), []);
  });
}

test('the journal of a later version is left alone with an alarm, new work goes on, and the later version bills it when it is back', async (t) => {
  const { database, writer } = await killedWriter(t);
  setVersion(writer.journalDir, FORMAT_VERSION + 1);
  assert.equal(await writer.start(), 0);
  await writer.alarm('poison_record', true);
  assert.match(writer.alarms.at(-1)!.text, /of a later version and is left alone/);
  await writer.record(makeRecord());
  assert.equal(await writer.flush(), null);
  assert.equal((await readBooks(database.db)).rows, 1);
  assert.equal(await writer.drain(), 0);
  assert.equal(writer.segments.length, 1, 'its file is still there');
  setVersion(writer.journalDir, FORMAT_VERSION);
  assert.equal(await writer.start(), 50);
  assert.equal((await readBooks(database.db)).rows, 51);
  await writer.drain();
});
