/** Journals in folders of their own, written and read back by tests. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { FrameBuffer } from '#usage/frame-buffer.ts';
import { JournalFiles } from '#usage/journal-files.ts';
import { isTornTail, type JournalBatch, JournalReader } from '#usage/journal-reader.ts';
import { JournalWriter } from '#usage/journal-writer.ts';

export const JOURNAL = '00000000-0000-4000-8000-000000000001';
export const OTHER = '00000000-0000-4000-8000-000000000002';
export const ALL = { rowsMax: 1_000_000, bytesMax: 1 << 20 };

export function makeJournalDir(t: TestContext): string {
  const dir = mkdtempSync(join(tmpdir(), 'penstock-journal-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export function frames(...payloads: string[]): Buffer {
  const buffer = new FrameBuffer(1 << 20);
  for (const payload of payloads) buffer.add(Buffer.from(payload));
  return Buffer.from(buffer.bytes);
}

export function openJournal(dir: string, trouble: string[] = []): JournalFiles {
  return JournalFiles.open(dir, (text) => trouble.push(text));
}

export function texts(batch: JournalBatch | null): string[] {
  return (batch?.frames ?? []).map((frame) => frame.payload.toString());
}

/** Everything that the queue yields from its head, deleting segments as it goes. */
export function drainAll(files: JournalFiles): { texts: string[]; bad: number } {
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

export function writeJournal(dir: string, ...payloads: string[]): string {
  const files = openJournal(dir);
  const writer = new JournalWriter({ files, journalId: JOURNAL, segmentBytes: 65_536 });
  for (const payload of payloads) writer.append(frames(payload));
  writer.close();
  return files.segments[0]!.path;
}
