/**
 * Counts the texts of a job, in slices between which the clock is looked at: whoever is late ends by itself, and its worker keeps its
 * vocabulary. Worker thread only.
 *
 * A slice ends where no token can go across: between a letter and a sign or space that stands before a letter, because every
 * vocabulary's grammar begins a new piece there. A text without such a place in a whole slice is cut anyway, which costs a token.
 *
 * Within a piece merging takes time with the square of its length: 64 KiB of one letter took 5.4 s. So runs of letters, signs or
 * spaces are cut every 256 characters, at a token each, and nothing that a client sends costs more than some seconds a MiB
 * (`native-bench/micro/token-count.ts`).
 */
import { nowMs } from '#base/clock.ts';
import type { CountJob } from './count-job.ts';
import type { Vocabulary } from './vocabulary.ts';

const SLICE_CHARS = 16_384;
const BREAK = /\p{L}(?=[^\p{L}\p{M}\p{N}'’]\p{L})/u;
const RUN_CHARS = 256;
const LONG_RUN = new RegExp(`[\\p{L}\\p{M}]{${RUN_CHARS}}|[^\\s\\p{L}\\p{N}]{${RUN_CHARS}}|\\s{${RUN_CHARS}}`, 'gu');
const BACKSLASH = 0x5c;

/** Tokens of all texts; `late` when the job's time is over before they are counted. Throws for escapes that are none. */
export function countTexts(job: CountJob, vocabulary: Vocabulary): number | 'late' {
  let tokens = 0;
  for (let cell = 0; cell < job.ranges.length; cell += 2) {
    const start = job.ranges[cell]!;
    const bytes = Buffer.from(job.buffer, start, job.ranges[cell + 1]! - start);
    const counted = countText(textOf(bytes, cell < job.escapedCells), vocabulary, job.untilMs);
    if (counted === 'late') return 'late';
    tokens += counted;
  }
  return tokens;
}

function textOf(bytes: Buffer, escaped: boolean): string {
  const text = bytes.toString('utf8');
  return escaped && bytes.includes(BACKSLASH) ? JSON.parse(`"${text}"`) : text;
}

function countText(text: string, vocabulary: Vocabulary, untilMs: number): number | 'late' {
  let tokens = 0;
  for (let start = 0; start < text.length; ) {
    if (nowMs() >= untilMs) return 'late';
    const end = sliceEnd(text, start);
    tokens += countSlice(text.slice(start, end), vocabulary);
    start = end;
  }
  return tokens;
}

/** At most twice `SLICE_CHARS` behind the start. */
function sliceEnd(text: string, start: number): number {
  if (text.length - start <= 2 * SLICE_CHARS) return text.length;
  const limit = start + 2 * SLICE_CHARS;
  const found = text.slice(start + SLICE_CHARS, limit).search(BREAK);
  // A letter may be a pair.
  if (found >= 0) return start + SLICE_CHARS + found + (isPairAt(text, start + SLICE_CHARS + found + 1) ? 2 : 1);
  return isPairAt(text, limit) ? limit - 1 : limit;
}

/** A pair of surrogates stands across the position. */
function isPairAt(text: string, at: number): boolean {
  return (text.codePointAt(at - 1) ?? 0) > 0xffff;
}

function countSlice(slice: string, vocabulary: Vocabulary): number {
  let tokens = 0;
  let done = 0;
  LONG_RUN.lastIndex = 0;
  while (LONG_RUN.test(slice)) {
    tokens += vocabulary.count(slice.slice(done, LONG_RUN.lastIndex));
    done = LONG_RUN.lastIndex;
  }
  return tokens + vocabulary.count(done === 0 ? slice : slice.slice(done));
}
