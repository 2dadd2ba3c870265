/**
 * What is inside a batch of the journal: records, and what is none and must be set aside. The usage-writer only.
 */
import { isTornTail, type JournalBatch } from './journal-reader.ts';
import type { Frame } from './journal-segment.ts';
import type { PoisonRecord } from './poison-file.ts';
import { isRow, KIND } from './record.ts';
import { RecordCheck } from './record-check.ts';

export type SetAside = (poison: PoisonRecord) => void;

export interface BatchContent {
  /** What PostgreSQL is asked to take: encoded records that were checked. */
  records: Uint8Array[];
  /** The frame of each record. */
  recordFrames: Frame[];
  /** Records that were read, also those that are left out; open records are none. */
  rows: number;
  /** What they cost each user, as far as a front has booked it. */
  chargedByUser: Map<number, bigint>;
}

const check = new RecordCheck();

/** `leftOut` holds the offsets of records already set aside. `onBad` is called for bytes that are no record. */
export function decodeBatch(
  batch: JournalBatch,
  leftOut: ReadonlySet<number>,
  onBad: (offset: number, payload: Buffer, reason: string) => void,
): BatchContent {
  const content: BatchContent = { records: [], recordFrames: [], rows: 0, chargedByUser: new Map() };
  for (const range of batch.bad) {
    if (!isTornTail(batch, range)) onBad(range.start, Buffer.alloc(0), `${range.end - range.start} damaged bytes`);
  }
  for (const frame of batch.frames) {
    if (!isRow(frame.kind)) continue;
    content.rows++;
    const record = checkFrame(frame, onBad);
    if (record === null) continue;
    if (frame.kind !== KIND.recovered) {
      const charged = content.chargedByUser.get(check.userId) ?? 0n;
      content.chargedByUser.set(check.userId, charged + check.chargedNanoUsd);
    }
    if (leftOut.has(frame.start)) continue;
    content.records.push(record);
    content.recordFrames.push(frame);
  }
  return content;
}

function checkFrame(frame: Frame, onBad: (offset: number, payload: Buffer, reason: string) => void): Uint8Array | null {
  try {
    return check.check(frame.payload);
  } catch (error) {
    onBad(frame.start, frame.payload, (error as Error).message);
    return null;
  }
}
