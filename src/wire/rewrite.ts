/**
 * The two changes that a request may need on its way to an account of its own protocol, without a second parse: the account's name of
 * the model is spliced over the client's, and a Chat stream asks for its usage. All other bytes stay as they came. No state, runs on
 * every thread.
 */
import { assert } from '#base/assert.ts';
import type { Facts } from './facts.ts';

export interface Rewrite {
  /** The upstream's name of the model; null leaves the body's. */
  readonly model: string | null;
  /** Chat: set `stream_options.include_usage`. */
  readonly includeUsage: boolean;
}

/** A splice: these bytes in place of [start, end). */
interface Edit {
  readonly start: number;
  readonly end: number;
  readonly bytes: Uint8Array;
}

const OBJECT_OPEN = 0x7b;
/** A larger `stream_options` is nobody's; its other members are then lost. */
const OPTIONS_BYTES_MAX = 4096;
const encoder = new TextEncoder();

/** A changed copy of `bytes`. The facts' byte ranges still speak of the old bytes. */
export function rewrite(bytes: Uint8Array, facts: Facts, { model, includeUsage }: Rewrite): Uint8Array {
  const edits: Edit[] = [];
  if (model !== null) {
    assert(facts.modelStart >= 0, 'a model can only be replaced where the scan found one');
    edits.push({ start: facts.modelStart, end: facts.modelEnd, bytes: encoder.encode(JSON.stringify(model)) });
  }
  if (includeUsage) edits.push(usageEdit(bytes, facts));
  return splice(
    bytes,
    edits.sort((a, b) => a.start - b.start),
  );
}

/** What a rewritten body is longer than the old one at most. */
export const REWRITE_BYTES_MAX = 4096;

function usageEdit(bytes: Uint8Array, { streamOptionsStart: start, streamOptionsEnd: end }: Facts): Edit {
  if (start < 0) {
    const at = bytes.indexOf(OBJECT_OPEN) + 1;
    return { start: at, end: at, bytes: encoder.encode('"stream_options":{"include_usage":true},') };
  }
  const options = end - start <= OPTIONS_BYTES_MAX ? readObject(bytes, start, end) : {};
  return { start, end, bytes: encoder.encode(JSON.stringify({ ...options, include_usage: true })) };
}

/** Validated JSON: an object or `null`. */
function readObject(bytes: Uint8Array, start: number, end: number): object {
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8')) ?? {};
}

/** `edits` in order, without overlaps. */
function splice(bytes: Uint8Array, edits: readonly Edit[]): Uint8Array {
  const growth = edits.reduce((sum, edit) => sum + edit.bytes.length - (edit.end - edit.start), 0);
  const spliced = new Uint8Array(bytes.length + growth);
  let from = 0;
  let to = 0;
  for (const edit of edits) {
    spliced.set(bytes.subarray(from, edit.start), to);
    to += edit.start - from;
    spliced.set(edit.bytes, to);
    to += edit.bytes.length;
    from = edit.end;
  }
  spliced.set(bytes.subarray(from), to);
  return spliced;
}
