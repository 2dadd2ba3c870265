/**
 * What one stream knows of the frames that come again and again: the pattern of the latest, and the patterns that other streams of its
 * protocol have shown on this thread. So a stream holds nothing of its own, and from the second stream on nothing need be learned.
 *
 *   find ──► latest pattern ──no──► the thread's patterns ──no──► read slowly ──► plain? learn
 *
 * A stream whose frames never repeat stops looking: after `TRIES` frames in a row of no known pattern one in `RETRY_FRAMES` is looked up.
 * Runs on front threads.
 */
import { FramePattern, type FrameToLearn } from './frame-pattern.ts';
import type { KeyScan } from './key-scan.ts';

/** Of one protocol; an older one makes room. */
const PATTERNS_MAX = 16;
const TRIES = 16;
/** A power of two. */
const RETRY_FRAMES = 64;

/** Of a protocol and a thread. */
export class FramePatterns {
  readonly keys: KeyScan;
  readonly list: FramePattern[] = [];
  #oldest = 0;

  constructor(keys: KeyScan) {
    this.keys = keys;
  }

  add(pattern: FramePattern): void {
    if (this.list.length < PATTERNS_MAX) this.list.push(pattern);
    else this.list[this.#oldest++ % PATTERNS_MAX] = pattern;
  }
}

/** Of a stream. */
export class KnownFrames {
  readonly #patterns: FramePatterns;
  #latest: FramePattern | null = null;
  #triesLeft = TRIES;
  #unknown = 0;
  #mayLearn = false;

  constructor(patterns: FramePatterns) {
    this.#patterns = patterns;
  }

  reset(): void {
    this.#latest = null;
    this.#triesLeft = TRIES;
    this.#unknown = 0;
    this.#mayLearn = false;
  }

  /** Of the frame that was found last. */
  get pattern(): FramePattern | null {
    return this.#latest;
  }

  /** Of the frame that was found last. */
  get flags(): number {
    return this.#latest?.flags ?? 0;
  }

  /** Where a known frame that begins at `start` ends, at most at `limit`; -1: it is none. Fills `matched`. */
  find(bytes: Buffer, start: number, limit: number): number {
    this.#mayLearn = false;
    const end = this.#latest === null ? -1 : this.#latest.match(bytes, start, limit);
    if (end < 0) return this.#search(bytes, start, limit);
    this.#triesLeft = TRIES;
    return end;
  }

  /** Learns from a frame that was just not found; null: nothing. */
  learn(frame: FrameToLearn): FramePattern | null {
    if (!this.#mayLearn) return null;
    const pattern = FramePattern.learn(frame, this.#patterns.keys);
    if (pattern === null) return null;
    this.#patterns.add(pattern);
    this.#latest = pattern;
    return pattern;
  }

  #search(bytes: Buffer, start: number, limit: number): number {
    if (this.#triesLeft > 0) this.#triesLeft--;
    else if (++this.#unknown % RETRY_FRAMES !== 0) return -1;
    const { list } = this.#patterns;
    for (let i = 0; i < list.length; i++) {
      const pattern = list[i]!;
      const end = pattern === this.#latest ? -1 : pattern.match(bytes, start, limit);
      if (end < 0) continue;
      this.#latest = pattern;
      this.#triesLeft = TRIES;
      return end;
    }
    this.#mayLearn = true;
    return -1;
  }
}
