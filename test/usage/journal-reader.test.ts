import assert from 'node:assert/strict';
import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { JournalReader } from '#usage/journal-reader.ts';
import { SEGMENT_HEADER_BYTES } from '#usage/journal-segment.ts';
import { JournalWriter } from '#usage/journal-writer.ts';
import {
  ALL,
  drainAll,
  frames,
  JOURNAL,
  makeJournalDir,
  openJournal,
  texts,
  writeJournal,
} from '../support/journal.ts';

test('what was appended is read in order, live and after a restart', (t) => {
  const dir = makeJournalDir(t);
  const files = openJournal(dir);
  const writer = new JournalWriter({ files, journalId: JOURNAL, segmentBytes: 65_536 });
  const reader = new JournalReader(files);
  assert.equal(reader.read(ALL), null);
  writer.append(frames('a', 'b'));
  assert.deepEqual(texts(reader.read(ALL)), ['a', 'b']);
  writer.append(frames('c'));
  assert.deepEqual(texts(reader.read({ rowsMax: 2, bytesMax: 1000 })), ['a', 'b']);
  assert.equal(reader.countWaiting(1000), 3);
  assert.deepEqual(drainAll(openJournal(dir)), { texts: ['a', 'b', 'c'], bad: 0 });
  assert.deepEqual(readdirSync(dir), []);
});

test('a batch ends at its bounds and goes on from there', (t) => {
  const files = openJournal(makeJournalDir(t));
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

test('a torn tail is cut off at any length', (t) => {
  const dir = makeJournalDir(t);
  const path = writeJournal(dir, 'one', 'two', 'three');
  const whole = readFileSync(path);
  for (let cut = 1; cut < 'three'.length + 8; cut++) {
    writeFileSync(path, whole.subarray(0, whole.length - cut));
    assert.deepEqual(drainAll(openJournal(dir)), { texts: ['one', 'two'], bad: 0 });
  }
});

test('zeros behind the last frame are a torn tail', (t) => {
  const dir = makeJournalDir(t);
  const path = writeJournal(dir, 'one');
  writeFileSync(path, Buffer.concat([readFileSync(path), Buffer.alloc(5000)]));
  assert.deepEqual(drainAll(openJournal(dir)), { texts: ['one'], bad: 0 });
});

test('every flipped bit costs at most the record it is in', (t) => {
  const dir = makeJournalDir(t);
  const path = writeJournal(dir, 'first', 'second', 'third');
  const whole = readFileSync(path);
  for (let bit = 0; bit < whole.length * 8; bit += 5) {
    const broken = Buffer.from(whole);
    broken[bit >> 3]! ^= 1 << (bit & 7);
    writeFileSync(path, broken);
    const { texts: left } = drainAll(openJournal(dir));
    const kept = bit >> 3 < SEGMENT_HEADER_BYTES ? 3 : 2;
    assert.equal(left.length, kept, `bit ${bit}: ${left}`);
  }
});

test('damage larger than a read is stepped over', (t) => {
  const dir = makeJournalDir(t);
  const path = writeJournal(dir, 'first');
  const head = readFileSync(path);
  const noise = Buffer.alloc(100_000, 0xee);
  writeFileSync(path, Buffer.concat([head, noise, frames('last')]));
  const reader = new JournalReader(openJournal(dir));
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
  const dir = makeJournalDir(t);
  const path = writeJournal(dir, 'first', 'second');
  const files = openJournal(dir);
  truncateSync(path, SEGMENT_HEADER_BYTES);
  assert.deepEqual(drainAll(files).texts, []);
});
