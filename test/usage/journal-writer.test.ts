import assert from 'node:assert/strict';
import { readdirSync, writeSync } from 'node:fs';
import { test } from 'node:test';
import { JournalReader } from '#usage/journal-reader.ts';
import { SEGMENT_HEADER_BYTES } from '#usage/journal-segment.ts';
import { type JournalIo, JournalWriter } from '#usage/journal-writer.ts';
import { drainAll, frames, JOURNAL, makeJournalDir, openJournal } from '../support/journal.ts';

const write: JournalIo['write'] = (fd, bytes, offset, length) => writeSync(fd, bytes, offset, length);

test('segments roll at their size, and only those below the fence are deleted', (t) => {
  const dir = makeJournalDir(t);
  const files = openJournal(dir);
  const writer = new JournalWriter({ files, journalId: JOURNAL, segmentBytes: 1000 });
  for (let i = 0; i < 50; i++) writer.append(frames(String(i).padStart(90, 'x')));
  assert.ok(files.segments.length > 4);
  assert.ok(files.segments.every((segment) => segment.bytes <= 1000));
  const reader = new JournalReader(files);
  const gone = reader.seek(JOURNAL, 3, SEGMENT_HEADER_BYTES + 98);
  assert.equal(gone.length, 2);
  assert.equal(files.segments[0]!.number, 3);
  assert.equal(readdirSync(dir).filter((name) => name.endsWith('.journal')).length, files.segments.length);
  assert.equal(
    files.bytes,
    files.segments.reduce((sum, segment) => sum + segment.bytes, 0),
  );
  assert.equal(reader.offset, SEGMENT_HEADER_BYTES + 98);
});

test('a write that fails halfway leaves whole frames only, and the next one goes on', (t) => {
  const dir = makeJournalDir(t);
  const files = openJournal(dir);
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
  assert.deepEqual(drainAll(openJournal(dir)), { texts: ['kept', 'again'], bad: 0 });
});

test('when a sync fails and the next segment cannot be begun either, nothing is forgotten and nothing counts as synced', (t) => {
  const dir = makeJournalDir(t);
  const files = openJournal(dir);
  let broken = false;
  const io: JournalIo = {
    write(fd, bytes, offset, length) {
      if (broken) throw new Error('EIO');
      return write(fd, bytes, offset, length);
    },
    sync() {
      if (broken) throw new Error('EIO');
    },
  };
  const writer = new JournalWriter({ files, journalId: JOURNAL, segmentBytes: 65_536, io });
  writer.append(frames('doubtful'));
  broken = true;
  assert.throws(() => writer.sync(), /EIO/);
  assert.throws(() => writer.append(frames('refused')), /EIO/);
  assert.equal(writer.dirty, true);
  assert.equal(files.segments.length, 1);
  broken = false;
  writer.append(frames('later'));
  writer.close();
  assert.deepEqual(
    files.segments.map((segment) => segment.sealed),
    [true, true],
  );
  assert.deepEqual(drainAll(openJournal(dir)).texts, ['doubtful', 'doubtful', 'later']);
});

test('a new segment begins with what is carried over, on disk before the segment before it can go; it does not count as size', (t) => {
  const dir = makeJournalDir(t);
  const files = openJournal(dir);
  const carried = frames('c'.repeat(900), 'd'.repeat(900));
  const writer = new JournalWriter({ files, journalId: JOURNAL, segmentBytes: 1000, carried: () => carried });
  for (let i = 0; i < 12; i++) writer.append(frames(String(i).padStart(300, 'x')));
  assert.equal(files.segments.length, 4, 'three records a segment, whatever is carried');
  writer.close();
  const { texts } = drainAll(openJournal(dir));
  assert.equal(texts.filter((text) => text.startsWith('c')).length, 4);
  assert.equal(texts.filter((text) => text.startsWith('x')).length, 12);
});

test('after a failed sync the frames since the last good one are written again into a new segment', (t) => {
  const dir = makeJournalDir(t);
  const files = openJournal(dir);
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
  assert.deepEqual(drainAll(openJournal(dir)).texts, ['durable', 'doubtful', 'doubtful']);
});
