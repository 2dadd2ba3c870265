/**
 * The open records of this process: of each exchange that is under way the newest one, kept apart by front. They are written again at
 * the head of every new segment, so that a segment can be deleted whatever open records it holds; when a front dies they become
 * rows. Bounded: one for each exchange that may be open, and as many of a front's predecessor. The usage-writer only.
 */
import { FrameBuffer } from './frame-buffer.ts';
import { FRAME_BYTES_MAX } from './journal-segment.ts';
import { KIND, type Kind, type UsageRecord } from './record.ts';
import { decodeRecord, encodeRecord, requestIdIn } from './record-codec.ts';

export class OpenRecordTable {
  readonly #entriesMax: number;
  readonly #byFront: Map<string, Buffer>[];

  constructor(fronts: number, exchangesPerFront: number) {
    this.#entriesMax = 2 * exchangesPerFront;
    this.#byFront = Array.from({ length: fronts }, () => new Map());
  }

  get size(): number {
    return this.#byFront.reduce((sum, entries) => sum + entries.size, 0);
  }

  /** A record of this kind is in the journal. `payload` is kept. */
  note(front: number, kind: Kind, payload: Buffer): void {
    const entries = this.#byFront[front]!;
    const id = requestIdIn(payload);
    if (kind !== KIND.open) entries.delete(id);
    else if (entries.size < this.#entriesMax || entries.has(id)) entries.set(id, payload);
  }

  /** All of them as frames, for the head of a segment. */
  frames(): Buffer {
    const frames = new FrameBuffer(this.size * FRAME_BYTES_MAX);
    for (const entries of this.#byFront) for (const payload of entries.values()) frames.add(payload, KIND.open);
    return frames.bytes;
  }

  /** Those of one front, which they no longer belong to. */
  takeFront(front: number): Buffer[] {
    const payloads = [...this.#byFront[front]!.values()];
    this.#byFront[front]!.clear();
    return payloads;
  }

  takeAll(): Buffer[] {
    return this.#byFront.flatMap((_, front) => this.takeFront(front));
  }
}

/**
 * Open records as the records of answers that broke off. Billed by what the front had seen when it wrote them: input as reported or
 * estimated, output as far as it had come.
 */
export function interruptedPayloads(open: readonly Buffer[]): Buffer[] {
  return open.map(interruptedPayload);
}

/** What does not decode stays as it is: it is set aside where its row should be made. */
function interruptedPayload(open: Buffer): Buffer {
  try {
    return Buffer.from(encodeRecord({ ...decodeRecord(open), status: 'interrupted' }));
  } catch {
    return open;
  }
}

/** The same, framed for this process's own journal. */
export function recoveredFrames(open: readonly Buffer[]): Buffer {
  const frames = new FrameBuffer(open.length * FRAME_BYTES_MAX);
  for (const payload of interruptedPayloads(open)) frames.add(payload, KIND.recovered);
  return frames.bytes;
}

/** One record that the process makes beside its fronts, framed for its own journal. */
export function recordFrame(record: UsageRecord): Buffer {
  const frames = new FrameBuffer(FRAME_BYTES_MAX);
  frames.add(encodeRecord(record), KIND.recovered);
  return frames.bytes;
}
