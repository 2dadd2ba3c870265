import assert from 'node:assert/strict';
import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { FrameBuffer } from '#usage/frame-buffer.ts';
import { JournalFiles } from '#usage/journal-files.ts';
import { isTornTail, type JournalBatch, JournalReader } from '#usage/journal-reader.ts';
import { encodeSegmentHeader, SEGMENT_HEADER_BYTES, segmentFileName } from '#usage/journal-segment.ts';
import { type JournalIo, JournalWriter } from '#usage/journal-writer.ts';

const JOURNAL = '00000000-0000-4000-8000-000000000001';
const OTHER = '00000000-0000-4000-8000-000000000002';
const ALL = { rowsMax: 1_000_000, bytesMax: 1 << 20 };

function makeDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'penstock-journal-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

function frames(...payloads: string[]): Buffer {
  const buffer = new FrameBuffer(1 << 20);
  for (const payload of payloads) buffer.add(Buffer.from(payload));
  return Buffer.from(buffer.bytes);
}

function open(dir: string, trouble: string[] = []): JournalFiles {
  return JournalFiles.open(dir, (text) => trouble.push(text));
}

const write: JournalIo['write'] = (fd, bytes, offset, length) => writeSync(fd, bytes, offset, length);

function checksum(header: Buffer): number {
  return crc32(header.subarray(0, 60));
}

function texts(batch: JournalBatch | null): string[] {
  return (batch?.frames ?? []).map((frame) => frame.payload.toString());
}

/** Everything that the queue yields from its head, deleting segments as it goes. */
function drainAll(files: JournalFiles): { texts: string[]; bad: number } {
  const reader = new JournalReader(files);
  const all = { texts: [] as string[], bad: 0 };
  while (files.segments.length > 0) {
    const batch = reader.read(ALL);
    if (batch !== null) {
      all.texts.push(...texts(batch));
      all.bad += batch.bad.filter((range) => !isTornTail(batch, range)).length;
      reader.advance(batch);
    }
    if (reader.dropDone() === null && batch === null) break;
  }
  return all;
}

function writeJournal(dir: string, ...payloads: string[]): string {
  const files = open(dir);
  const writer = new JournalWriter({ files, journalId: JOURNAL, segmentBytes: 65_536 });
  for (const payload of payloads) writer.append(frames(payload));
  writer.close();
  return files.segments[0]!.path;
}

test('what was appended is read in order, live and after a restart', (t) => {
  const dir = makeDir(t);
  const files = open(dir);
  const writer = new JournalWriter({ files, journalId: JOURNAL, segmentBytes: 65_536 });
  const reader = new JournalReader(files);
  assert.equal(reader.read(ALL), null);
  writer.append(frames('a', 'b'));
  assert.deepEqual(texts(reader.read(ALL)), ['a', 'b']);
  writer.append(frames('c'));
  assert.deepEqual(texts(reader.read({ rowsMax: 2, bytesMax: 1000 })), ['a', 'b']);
  assert.equal(reader.countWaiting(1000), 3);
  assert.deepEqual(drainAll(open(dir)), { texts: ['a', 'b', 'c'], bad: 0 });
  assert.deepEqual(readdirSync(dir), []);
});

test('a batch ends at its bounds and goes on from there', (t) => {
  const files = open(makeDir(t));
  const writer = new JournalWriter({ files, journalId: JOURNAL, segmentBytes: 65_536 });
  const payloads = Array.from({ length: 100 }, (_, i) => String(i).padStart(100, 'x'));
  writer.append(frames(...payloads));
  const reader = new JournalReader(files);
  const seen: string[] = [];
  for (let batch = reader.read({ rowsMax: 7, bytesMax: 500 }); batch !== null; ) {
    assert.ok(batch.frames.length <= 5 && batch.frames.length > 0);
    seen.push(...texts(batch));
    reader.advance(batch);
    batch = reader.read({ rowsMax: 7, bytesMax: 500 });
  }
  assert.deepEqual(seen, payloads);
});

test('segments roll at their size, and only those below the fence are deleted', (t) => {
  const dir = makeDir(t);
  const files = open(dir);
  const writer = new JournalWriter({ files, journalId: JOURNAL, segmentBytes: 1000 });
  for (let i = 0; i < 50; i++) writer.append(frames(String(i).padStart(90, 'x')));
  assert.ok(files.segments.length > 4);
  assert.ok(files.segments.every((segment) => segment.bytes <= 1000));
  const reader = new JournalReader(files);
  const gone = reader.seek(JOURNAL, 3, SEGMENT_HEADER_BYTES + 98);
  assert.equal(gone.length, 2);
  assert.equal(files.segments[0]!.number, 3);
  assert.equal(readdirSync(dir).length, files.segments.length);
  assert.equal(
    files.bytes,
    files.segments.reduce((sum, segment) => sum + segment.bytes, 0),
  );
  assert.equal(reader.offset, SEGMENT_HEADER_BYTES + 98);
});

test('a torn tail is cut off at any length', (t) => {
  const dir = makeDir(t);
  const path = writeJournal(dir, 'one', 'two', 'three');
  const whole = readFileSync(path);
  for (let cut = 1; cut < 'three'.length + 8; cut++) {
    writeFileSync(path, whole.subarray(0, whole.length - cut));
    assert.deepEqual(drainAll(open(dir)), { texts: ['one', 'two'], bad: 0 });
  }
});

test('zeros behind the last frame are a torn tail', (t) => {
  const dir = makeDir(t);
  const path = writeJournal(dir, 'one');
  writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.alloc(5000)]));
  assert.deepEqual(drainAll(open(dir)), { texts: ['one'], bad: 0 });
});

test('every flipped bit costs at most the record it is in', (t) => {
  const dir = makeDir(t);
  const path = writeJournal(dir, 'first', 'second', 'third');
  const whole = readFileSync(path);
  for (let at = SEGMENT_HEADER_BYTES; at < whole.length; at++) {
    const broken = Buffer.from(whole);
    broken[at]! ^= 1 << (at % 8);
    writeFileSync(path, broken);
    const { texts: left } = drainAll(open(dir));
    assert.equal(left.length, 2, `byte ${at}: ${left}`);
  }
});

test('damage larger than a read is stepped over', (t) => {
  const dir = makeDir(t);
  const path = writeJournal(dir, 'first');
  const head = readFileSync(path);
  const noise = Buffer.alloc(100_000, 0xee);
  writeFileSync(path, Buffer.concat([head, noise, frames('last')]));
  const reader = new JournalReader(open(dir));
  const seen: string[] = [];
  let bad = 0;
  for (let batch = reader.read({ rowsMax: 10, bytesMax: 2000 }); batch !== null; ) {
    seen.push(...texts(batch));
    bad += batch.bad.length;
    reader.advance(batch);
    batch = reader.read({ rowsMax: 10, bytesMax: 2000 });
  }
  assert.deepEqual(seen, ['first', 'last']);
  assert.ok(bad > 0);
});

test('a segment that lost its end while it is read is stepped over', (t) => {
  const dir = makeDir(t);
  const path = writeJournal(dir, 'first', 'second');
  const files = open(dir);
  truncateSync(path, SEGMENT_HEADER_BYTES);
  assert.deepEqual(drainAll(files).texts, []);
});

test('a header of a later version is left alone, a damaged one set aside, a torn one dropped', (t) => {
  const dir = makeDir(t);
  const later = encodeSegmentHeader({ journalId: JOURNAL, number: 1 });
  later.writeUInt32LE(999, 8);
  later.writeUInt32LE(checksum(later), 60);
  const name = (number: number) => join(dir, segmentFileName({ journalId: JOURNAL, number }));
  writeFileSync(name(1), later);
  writeFileSync(name(2), Buffer.alloc(64, 7));
  writeFileSync(name(3), Buffer.alloc(10));
  writeFileSync(name(4), encodeSegmentHeader({ journalId: OTHER, number: 4 }));
  const trouble: string[] = [];
  const files = open(dir, trouble);
  assert.equal(files.segments.length, 0);
  assert.equal(trouble.length, 3);
  const left = readdirSync(dir).sort();
  assert.deepEqual(
    left,
    [name(1), `${name(2)}.bad`, `${name(4)}.bad`].map((path) => path.slice(dir.length + 1)),
  );
});

test('a write that fails halfway leaves whole frames only, and the next one goes on', (t) => {
  const dir = makeDir(t);
  const files = open(dir);
  let full = false;
  const io: JournalIo = {
    write(fd, bytes, offset, length) {
      if (!full) return write(fd, bytes, offset, length);
      if (length <= 5) throw new Error('ENOSPC');
      return write(fd, bytes, offset, 5);
    },
    sync: () => {},
  };
  const writer = new JournalWriter({ files, journalId: JOURNAL, segmentBytes: 65_536, io });
  writer.append(frames('kept'));
  full = true;
  assert.throws(() => writer.append(frames('lost')), /ENOSPC/);
  full = false;
  writer.append(frames('again'));
  writer.close();
  assert.deepEqual(drainAll(open(dir)), { texts: ['kept', 'again'], bad: 0 });
});

test('after a failed sync the frames since the last good one are written again into a new segment', (t) => {
  const dir = makeDir(t);
  const files = open(dir);
  let failures = 0;
  const io: JournalIo = {
    write,
    sync() {
      if (failures-- > 0) throw new Error('EIO');
    },
  };
  const writer = new JournalWriter({ files, journalId: JOURNAL, segmentBytes: 65_536, io });
  writer.append(frames('durable'));
  writer.sync();
  writer.append(frames('doubtful'));
  failures = 1;
  writer.sync();
  assert.equal(writer.dirty, false);
  assert.deepEqual(
    files.segments.map((segment) => [segment.number, segment.sealed]),
    [
      [1, true],
      [2, false],
    ],
  );
  assert.deepEqual(drainAll(open(dir)).texts, ['durable', 'doubtful', 'doubtful']);
});

test('journals of several earlier processes are read one after the other, the oldest first', (t) => {
  const dir = makeDir(t);
  for (const [journalId, payload] of [
    [OTHER, 'older'],
    [JOURNAL, 'newer'],
  ] as const) {
    const writer = new JournalWriter({ files: open(dir), journalId, segmentBytes: 65_536 });
    writer.append(frames(payload));
    writer.close();
    if (journalId === OTHER) for (const name of readdirSync(dir)) utimesSync(join(dir, name), 1000, 1000);
  }
  const files = open(dir);
  assert.deepEqual(
    files.segments.map((segment) => segment.last),
    [true, true],
  );
  assert.deepEqual(drainAll(files).texts, ['older', 'newer']);
});
