/**
 * Finds what a dead process had open: the open records of its journal that no later frame ends. The whole journal is read, from its
 * oldest segment on and not only from the fence, in steps between which other work of the thread goes on. Payloads are only looked
 * into where a frame's kind says that it opens or ends something. The usage-writer only.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Segment } from './journal-files.ts';
import { FRAME_BYTES_MAX, SEGMENT_HEADER_BYTES, scanFrames } from './journal-segment.ts';
import { readAt } from './read-at.ts';
import { KIND } from './record.ts';
import { requestIdIn } from './record-codec.ts';

const STEP_BYTES = 512 * 1024;

/** Payloads of the open records, oldest first. Throws when a file cannot be read. */
export async function scanOpenRecords(segments: readonly Segment[]): Promise<Buffer[]> {
  const open = new Map<string, Buffer>();
  for (const segment of segments) {
    for (let at = SEGMENT_HEADER_BYTES; at < segment.bytes; ) {
      at = scanStep(segment, at, open);
      await nextTurn();
    }
  }
  return [...open.values()];
}

/** Returns where the next step begins. */
function scanStep(segment: Segment, at: number, open: Map<string, Buffer>): number {
  const wanted = Math.min(segment.bytes - at, STEP_BYTES + FRAME_BYTES_MAX);
  const bounds = { rowsMax: Number.POSITIVE_INFINITY, bytesMax: STEP_BYTES, atEnd: at + wanted >= segment.bytes };
  const { frames, next } = scanFrames(readAt(segment.path, at, wanted), at, bounds);
  for (const { kind, payload } of frames) {
    if (kind === KIND.record || kind === KIND.recovered) continue;
    const id = requestIdIn(payload);
    open.delete(id);
    if (kind === KIND.open) open.set(id, Buffer.from(payload));
  }
  return next > at ? next : segment.bytes;
}
