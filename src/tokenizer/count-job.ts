/**
 * One text to count, as it travels from a front to a worker: a buffer and the ranges in it that count. The buffer is either made for
 * it, with the texts of a body copied one behind the other, or the body itself when its exchange needs it no more. Both are
 * transferred, never cloned: whoever had it is left with an empty one. Any thread.
 *
 *   buffer │ … "content":"Hello\nthere" … "tools":[{"name":…}] … │
 *   ranges           [start, end)                  [start, end)        the first `escapedCells / 2` of them: contents of JSON strings
 */
import { assert } from '#base/assert.ts';
import type { Encoding } from './count-method.ts';

export interface CountJob {
  encoding: Encoding;
  buffer: ArrayBuffer;
  /** `start, end, start, end, …` */
  ranges: Int32Array<ArrayBuffer>;
  /** Cells of `ranges` whose text has escapes to be decoded; what comes after stands for itself. */
  escapedCells: number;
  /** By `nowMs()`: nobody waits after it. */
  untilMs: number;
}

/** What a job holds while it waits and is counted. */
export function jobBytes({ buffer, ranges }: CountJob): number {
  return buffer.byteLength + ranges.byteLength;
}

/** Transfer these with the job. */
export function jobTransfers({ buffer, ranges }: CountJob): ArrayBuffer[] {
  return [buffer, ranges.buffer];
}

export type RangeLists = readonly Int32Array[];

/** Bytes that `copyTexts` takes. */
export function copyBytes(escaped: RangeLists, plain: RangeLists): number {
  let bytes = 0;
  for (const list of [...escaped, ...plain]) {
    bytes += list.byteLength;
    for (let cell = 0; cell < list.length; cell += 2) bytes += list[cell + 1]! - list[cell]!;
  }
  return bytes;
}

export type Texts = Pick<CountJob, 'buffer' | 'ranges' | 'escapedCells'>;

/** The texts of a body that is still needed. */
export function copyTexts(body: Uint8Array, escaped: RangeLists, plain: RangeLists): Texts {
  const { ranges, escapedCells } = joinRanges(escaped, plain);
  const bytes = new Uint8Array(copyBytes(escaped, plain) - ranges.byteLength);
  let at = 0;
  for (let cell = 0; cell < ranges.length; cell += 2) {
    const text = body.subarray(ranges[cell]!, ranges[cell + 1]!);
    bytes.set(text, at);
    ranges[cell] = at;
    at += text.length;
    ranges[cell + 1] = at;
  }
  return { buffer: bytes.buffer, ranges, escapedCells };
}

/** Bytes that `giveBody` takes. */
export function givenBytes(body: Uint8Array, escaped: RangeLists, plain: RangeLists): number {
  return body.buffer.byteLength + [...escaped, ...plain].reduce((sum, list) => sum + list.byteLength, 0);
}

/** A body that nobody else needs: it must have memory of its own (see `edge/detach.ts`), which goes with the job. */
export function giveBody(body: Uint8Array, escaped: RangeLists, plain: RangeLists): Texts {
  assert(body.length === body.buffer.byteLength, 'a body is given away whose memory others use too');
  return { buffer: body.buffer as ArrayBuffer, ...joinRanges(escaped, plain) };
}

function joinRanges(escaped: RangeLists, plain: RangeLists) {
  const lists = [...escaped, ...plain];
  const ranges = new Int32Array(lists.reduce((sum, list) => sum + list.length, 0));
  let at = 0;
  for (const list of lists) {
    ranges.set(list, at);
    at += list.length;
  }
  return { ranges, escapedCells: escaped.reduce((sum, list) => sum + list.length, 0) };
}
