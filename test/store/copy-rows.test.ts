import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pack, unpack } from '#base/msgpack.ts';
import { CopyRows, RowError, USAGE_COLUMNS } from '#store/copy-rows.ts';
import { encodeRecord } from '#usage/record-codec.ts';
import { makeRecord } from '../support/usage-records.ts';

const HEADER_BYTES = 19;
const COLUMNS = USAGE_COLUMNS.split(', ');

/** The rows of COPY's binary format by column; fails for anything that is not of it. */
function readRows(bytes: Buffer): Record<string, Buffer>[] {
  assert.deepEqual(
    bytes.subarray(0, HEADER_BYTES),
    Buffer.from('PGCOPY\n\xff\r\n\0'.padEnd(HEADER_BYTES, '\0'), 'latin1'),
  );
  const rows: Record<string, Buffer>[] = [];
  let at = HEADER_BYTES;
  for (let fields = bytes.readInt16BE(at); fields !== -1; fields = bytes.readInt16BE(at)) {
    assert.equal(fields, COLUMNS.length);
    at += 2;
    const row: Record<string, Buffer> = {};
    for (const column of COLUMNS) {
      const start = at + 4;
      at = start + bytes.readInt32BE(at);
      row[column] = bytes.subarray(start, at);
    }
    rows.push(row);
  }
  assert.equal(at + 2, bytes.length);
  return rows;
}

test('times are written in microseconds since 2000, exactly, from 1970 to the year 9999', () => {
  const times = [0, 999, 946_684_799_999, 946_684_800_000, 1_795_000_000_099, 9_953_968_054_993, 253_402_300_799_999];
  const rows = new CopyRows();
  for (const createdAtMs of times) rows.add(encodeRecord(makeRecord({ createdAtMs })));
  const written = readRows(rows.written).map((row) => row['created_at']!.readBigInt64BE());
  assert.deepEqual(
    written,
    times.map((ms) => BigInt(ms - Date.UTC(2000, 0)) * 1000n),
  );
});

test('as many rows as come fit, and a new batch begins empty', () => {
  const rows = new CopyRows();
  const records = Array.from({ length: 3000 }, (_, userId) => makeRecord({ userId, model: 'm'.repeat(userId % 129) }));
  for (const record of records) rows.add(encodeRecord(record));
  const read = readRows(rows.written);
  assert.equal(read.length, records.length);
  read.forEach((row, index) => {
    assert.equal(row['request_id']!.toString('hex'), records[index]!.requestId);
    assert.equal(row['user_id']!.readInt32BE(), index);
    assert.equal(row['model']!.toString(), records[index]!.model);
  });
  rows.clear();
  assert.deepEqual(readRows(rows.written), []);
});

test('the largest rows fit wherever the buffer ends', () => {
  const fields = unpack(encodeRecord(makeRecord({ createdAtMs: 253_402_300_799_999 }))) as unknown[];
  const isText = (index: number) => index > 0 && typeof fields[index] === 'string';
  const sized = (bytes: number) => pack(fields.map((field, index) => (isText(index) ? 'x'.repeat(bytes) : field)));
  const largest = sized(255);
  for (let first = 0; first < 256; first++) {
    const rows = new CopyRows();
    rows.add(sized(first));
    rows.add(sized(first >> 1));
    for (let count = 0; count < 70; count++) rows.add(largest);
    const read = readRows(rows.written);
    assert.equal(read.length, 72);
    const texts = Object.values(read.at(-1)!).filter((field) => field.equals(Buffer.from('x'.repeat(255))));
    assert.equal(texts.length, 7);
  }
});

test('what is no row is refused and leaves nothing between the rows around it', () => {
  const good = Buffer.from(encodeRecord(makeRecord()));
  const fields = unpack(good) as unknown[];
  const bad = [
    Buffer.from(encodeRecord(makeRecord({ status: 'open' }))),
    good.subarray(0, good.length - 1),
    Buffer.concat([good, good]),
    new Uint8Array(0),
    pack(fields.slice(0, 27)), // of an earlier version
    pack([...fields, 0]),
    ...fields.map((_, index) => pack(fields.with(index, { no: 'field' }))),
    pack(fields.with(2, 2 ** 31)), // beyond an integer column
    pack(fields.with(11, 2 ** 15)), // beyond a smallint column
    pack(fields.with(1, -1)),
    pack(fields.with(1, 253_402_300_800_000)),
    pack(fields.with(0, 'g'.repeat(32))),
  ];
  const rows = new CopyRows();
  for (const bytes of bad) {
    rows.add(good);
    assert.throws(() => rows.add(bytes), RowError, Buffer.from(bytes).toString('hex'));
  }
  assert.equal(readRows(rows.written).length, bad.length);
});
