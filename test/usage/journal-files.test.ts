import assert from 'node:assert/strict';
import { readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { encodeSegmentHeader, segmentFileName } from '#usage/journal-segment.ts';
import { JournalWriter } from '#usage/journal-writer.ts';
import { drainAll, frames, JOURNAL, makeJournalDir, OTHER, openJournal } from '../support/journal.ts';

function checksum(header: Buffer): number {
  return crc32(header.subarray(0, 60));
}

test('a header of a later version is left alone, a damaged one set aside, a torn one dropped', (t) => {
  const dir = makeJournalDir(t);
  const later = encodeSegmentHeader({ journalId: JOURNAL, number: 1 });
  later.writeUInt32LE(999, 8);
  later.writeUInt32LE(checksum(later), 60);
  const name = (number: number) => join(dir, segmentFileName({ journalId: JOURNAL, number }));
  writeFileSync(name(1), later);
  writeFileSync(name(2), Buffer.alloc(64, 7));
  writeFileSync(name(3), Buffer.alloc(10));
  writeFileSync(name(4), encodeSegmentHeader({ journalId: OTHER, number: 4 }));
  const trouble: string[] = [];
  const files = openJournal(dir, trouble);
  assert.equal(files.segments.length, 0);
  assert.equal(trouble.length, 3);
  const left = readdirSync(dir).sort();
  assert.deepEqual(
    left,
    [name(1), `${name(2)}.bad`, `${name(4)}.bad`].map((path) => path.slice(dir.length + 1)),
  );
});

test('journals of several earlier processes are read one after the other, the oldest first', (t) => {
  const dir = makeJournalDir(t);
  for (const [journalId, payload] of [
    [OTHER, 'older'],
    [JOURNAL, 'newer'],
  ] as const) {
    const writer = new JournalWriter({ files: openJournal(dir), journalId, segmentBytes: 65_536 });
    writer.append(frames(payload));
    writer.close();
    if (journalId === OTHER) for (const name of readdirSync(dir)) utimesSync(join(dir, name), 1000, 1000);
  }
  const files = openJournal(dir);
  assert.deepEqual(
    files.segments.map((segment) => segment.last),
    [true, true],
  );
  assert.deepEqual(drainAll(files).texts, ['older', 'newer']);
});
