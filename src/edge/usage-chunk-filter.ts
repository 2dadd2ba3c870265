/**
 * Takes out of a Chat stream what the client did not ask for: the chunk that carries nothing but usage, which was asked for on its
 * behalf, and the `"usage":null` that asking puts into all the others. Every other byte leaves as it came, and in its order.
 *
 *   chunk ──► [ tail of a frame ][ frame ][ frame ][ head of a frame ]
 *               joins what is kept   leave, but for the usage chunk     kept until it is whole
 *
 * A frame beyond the bound is none of these, and leaves as it comes. Front thread only.
 */
import type { AnswerTransform } from './answer-transform.ts';

/** A chunk that carries usage alone has some hundred bytes. */
const FRAME_BYTES_MAX = 16 * 1024;
const USAGE = Buffer.from('"usage"');
/** A quote within a text is escaped, so this can be nothing but a member. */
const NULL_USAGE = Buffer.from(',"usage":null');
const DATA = Buffer.from('data:');
const BLANK_LINES = [Buffer.from('\n\n'), Buffer.from('\n\r\n'), Buffer.from('\r\r')];
const EMPTY = Buffer.alloc(0);

export class UsageChunkFilter implements AnswerTransform {
  readonly failed = false;
  /** Half a frame counts to the exchange. */
  readonly budgetedBytes = 0;
  readonly awaitsComma = false;
  /** The frame that is not whole yet; empty while it leaves as it comes. */
  #kept: Buffer = EMPTY;
  #passing = false;

  push(chunk: Uint8Array): Uint8Array | null {
    const came = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const bytes = this.#kept.length === 0 ? came : Buffer.concat([this.#kept, came]);
    // A blank line may lie across the two.
    const searched = Math.max(0, this.#kept.length - 2);
    const pieces: Buffer[] = [];
    let from = 0;
    let start = 0;
    let end = frameEnd(bytes, searched);
    while (end > 0) {
      const cut = this.#passing ? null : cutOut(bytes, start, end);
      if (cut !== null) {
        if (cut.start > from) pieces.push(bytes.subarray(from, cut.start));
        from = cut.end;
      }
      this.#passing = false;
      start = end;
      end = frameEnd(bytes, start);
    }
    const passes = this.#passing || bytes.length - start > FRAME_BYTES_MAX;
    this.#passing = passes && start < bytes.length;
    const leaves = this.#passing ? bytes.length : start;
    if (leaves > from) pieces.push(bytes.subarray(from, leaves));
    this.#kept = leaves === bytes.length ? EMPTY : Buffer.from(bytes.subarray(leaves));
    return joined(pieces);
  }

  end(): Uint8Array | null {
    const rest = this.#kept;
    this.#kept = EMPTY;
    return rest.length === 0 || cutOut(rest, 0, rest.length)?.end === rest.length ? null : rest;
  }

  drop(): void {
    this.#kept = EMPTY;
  }
}

/** Behind the blank line that ends the frame at hand, or -1. */
function frameEnd(bytes: Buffer, from: number): number {
  let nearest = -1;
  for (const blank of BLANK_LINES) {
    const at = bytes.indexOf(blank, from);
    if (at >= 0 && (nearest < 0 || at + blank.length < nearest)) nearest = at + blank.length;
  }
  return nearest;
}

/** What of the frame must not leave: all of it, the member that says nothing, or nothing (null). */
function cutOut(bytes: Buffer, start: number, end: number): { start: number; end: number } | null {
  const frame = bytes.subarray(start, end);
  if (frame.indexOf(USAGE) < 0) return null;
  const at = frame.indexOf(NULL_USAGE);
  if (at >= 0) return { start: start + at, end: start + at + NULL_USAGE.length };
  return isUsageOnly(frame) ? { start, end } : null;
}

function isUsageOnly(frame: Buffer): boolean {
  const at = frame.indexOf(DATA);
  try {
    const { choices, usage } = JSON.parse(frame.toString('utf8', at + DATA.length));
    return at >= 0 && Array.isArray(choices) && choices.length === 0 && typeof usage === 'object' && usage !== null;
  } catch {
    return false;
  }
}

function joined(pieces: readonly Buffer[]): Uint8Array | null {
  if (pieces.length === 0) return null;
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
}
