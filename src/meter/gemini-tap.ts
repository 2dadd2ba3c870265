/**
 * The tap of Gemini's native answers: server-sent events, a JSON array that comes in pieces, or one document.
 *
 *   chunk = { candidates: [ { content: { parts: [ { text | thought | functionCall | … } ] }, finishReason } ], promptFeedback, usageMetadata }
 *         | { error: { code, message, status } }                            bare, or behind `data: `
 *
 * `usageMetadata` is in most chunks and counts up; not each has every field, and they are merged field by field (`wire/gemini-usage.ts`). Of
 * chunks of one pattern the later replaces the earlier, field for field, so of them only the last is parsed; one of another pattern is merged
 * with what came before. Asking for the counts changes nothing. The answer is whole with the chunk in which the last candidate that was
 * asked for has a finish reason, or that says why the prompt was blocked; at its end one that has finished is enough. `args` are whatever
 * the model says, so a field of the protocol counts at its own depth. Source: ai.google.dev/api/generate-content.
 */
import { isFinishReason } from '#wire/convert/gemini-endings.ts';
import { type FramePattern, type FrameToLearn, matched } from '#wire/frame-pattern.ts';
import { GeminiUsage } from '#wire/gemini-usage.ts';
import { isObjectAt, isWordAt, KeyScan, objectAt, objectEnd, skipSpaces, stringAt } from '#wire/key-scan.ts';
import { FramePatterns, KnownFrames } from '#wire/known-frames.ts';
import type { TokenCounts } from '#wire/token-counts.ts';
import { asJson, parseJson, parseObject, Tap } from './tap.ts';

const JSON_FIELDS = ['usageMetadata', 'modelVersion', 'error'] as const;
const JSON_TEXTS = { fields: ['candidates'], texts: ['text', 'code'], values: ['args'] };
const scan = new KeyScan([
  { name: 'usageMetadata', isText: false, depthMax: 1 },
  { name: 'error', isText: false, depthMax: 1 },
  { name: 'candidates', isText: false, depthMax: 1 },
  { name: 'modelVersion', isText: false, depthMax: 1 },
  { name: 'finishReason', isText: false, isFixed: true, depthMax: 3 },
  { name: 'blockReason', isText: false, isFixed: true, depthMax: 2 },
  { name: 'functionCall', isText: false },
  { name: 'text', isText: true },
]);
const [USAGE, ERROR, CANDIDATES, MODEL, FINISH, BLOCK, CALL] = [0, 1, 2, 3, 4, 5, 6] as const;
const patterns = new FramePatterns(scan);
/** Flags of a pattern: it has content without a text; it says the model. */
const CALLS_FUNCTION = 1;
const SAYS_MODEL = 2;
const USAGE_BYTES_MAX = 4096;
const OBJECT_OPEN = 0x7b;
/** Looks at one tap at a time. */
const asked = new GeminiUsage();

export class GeminiTap extends Tap {
  protected readonly jsonFields = JSON_FIELDS;
  protected readonly jsonTexts = JSON_TEXTS;
  /** Finish reason, sources and usage stand behind the content, which may be a picture. */
  protected override readonly tailBytesMax = 32 * 1024;
  readonly #usage = new GeminiUsage();
  readonly #known = new KnownFrames(patterns);
  /** The latest `usageMetadata` as it came, and what it came in; the pattern is null where that has none. Not in `#usage` yet. */
  #latest = Buffer.alloc(0);
  #latestBytes = 0;
  #latestPattern: FramePattern | null = null;
  /** Where the usage is in the chunk that was read last; the end is -1 when it has none. */
  #usageStart = -1;
  #usageEnd = -1;
  /** A candidate has finished; which ones, where several were asked for. */
  #someFinished = false;
  readonly #finished = new Set<number>();

  protected counts(): TokenCounts {
    asked.copyFrom(this.#usage);
    this.#mergeLatest(asked);
    return asked.counts();
  }

  protected forgetUsage(): void {
    this.#usage.reset();
    this.#known.reset();
    this.#latestBytes = 0;
    this.#latestPattern = null;
    this.#someFinished = false;
    this.#finished.clear();
  }

  /** Not every model makes as many candidates as it is asked for. */
  override end(): void {
    super.end();
    if (!this.isStream || !this.#someFinished) return;
    this.streamEnded = true;
    if (this.seen === 'partial') this.seen = 'final';
  }

  frame(bytes: Buffer, start: number, end: number, frameBytes: number): void {
    const missingBytes = frameBytes - (end - start);
    if (missingBytes === 0 && this.#readKnown(bytes, start, end, end) >= 0) return;
    this.fields.read(bytes, start, end);
    const { data, dataStart, dataEnd } = this.fields;
    if (dataEnd > dataStart) {
      const flags = this.#chunk(data, dataStart, dataEnd, missingBytes);
      if (missingBytes > 0) this.#chunkEnd(this.tailOf(bytes, start, end, missingBytes));
      if (flags >= 0 && missingBytes === 0 && data === bytes) {
        this.#learn({ bytes, start, end, dataStart, dataEnd, flags });
      }
    }
    // Google says an error in the middle of a stream without `data:`.
    else if (bytes[skipSpaces(bytes, start, end)] === OBJECT_OPEN) this.#chunk(bytes, start, end, 0);
    this.fields.release();
  }

  override knownElement(bytes: Buffer, start: number, limit: number): number {
    return this.#readKnown(bytes, start, start, limit);
  }

  override element(bytes: Buffer, start: number, end: number, elementBytes: number): void {
    const missingBytes = elementBytes - (end - start);
    if (missingBytes === 0 && this.#readKnown(bytes, start, end, end) >= 0) return;
    const flags = this.#chunk(bytes, start, end, missingBytes);
    if (missingBytes > 0) this.#chunkEnd(this.tailOf(bytes, start, end, missingBytes));
    if (flags >= 0 && missingBytes === 0) this.#learn({ bytes, start, end, dataStart: start, dataEnd: end, flags });
  }

  field(index: number, bytes: Buffer, start: number, end: number): void {
    const value = parseJson(bytes, start, end);
    if (JSON_FIELDS[index] === 'usageMetadata') {
      if (this.#usage.merge(value)) this.seen = 'final';
    } else if (JSON_FIELDS[index] === 'modelVersion') this.keepModel(value);
    else if (asJson(value) !== null) this.keepError(asJson(value)!['status']);
  }

  /** Reads the known frame or element that begins at `start` and ends from `endMin` to `limit`; -1 when there is none, otherwise its end. */
  #readKnown(bytes: Buffer, start: number, endMin: number, limit: number): number {
    if (this.sink !== null) return -1;
    const end = this.#known.find(bytes, start, limit);
    if (end < endMin) return -1;
    const { flags } = this.#known;
    if (this.model === null && (flags & SAYS_MODEL) !== 0) return -1;
    this.#content(matched.textBytes, (flags & CALLS_FUNCTION) !== 0);
    this.#keepUsage(bytes, matched.markStart, matched.markEnd, this.#known.pattern);
    return end;
  }

  /** Returns the flags of a pattern of such chunks; -1 when they say more than a text and numbers of usage. */
  #chunk(data: Buffer, start: number, end: number, missingBytes: number): number {
    scan.scan(data, start, end, missingBytes, this.sink);
    const { valueAt, textBytes } = scan;
    if (valueAt[ERROR]! >= 0 && valueAt[CANDIDATES]! < 0) {
      this.onlyHandshake = false;
      this.keepError(objectAt(data, valueAt[ERROR]!, end)?.['status']);
      return -1;
    }
    const ends = this.#keepSaid(data, start, end);
    const callsFunction = valueAt[CALL]! >= 0;
    this.#content(textBytes, ends || callsFunction || missingBytes > 0);
    if (ends) return -1;
    return (callsFunction ? CALLS_FUNCTION : 0) | (valueAt[MODEL]! >= 0 ? SAYS_MODEL : 0);
  }

  /** Of a chunk beyond the bound: what it says behind its content. */
  #chunkEnd(tail: Buffer): void {
    if (this.errorEvent) return;
    scan.scanTail(tail, 0, tail.length);
    this.#keepSaid(tail, 0, tail.length);
  }

  /** Model, end and usage, as they were just found. Returns whether there is an end. */
  #keepSaid(data: Buffer, start: number, end: number): boolean {
    const { valueAt } = scan;
    if (this.model === null && valueAt[MODEL]! >= 0) this.keepModel(stringAt(data, valueAt[MODEL]!, end));
    const blocked = isWordAt(data, valueAt[BLOCK]!, end);
    const finishes = valueAt[FINISH]! >= 0 && isFinishReason(stringAt(data, valueAt[FINISH]!, end));
    this.streamEnded ||= blocked;
    if (finishes) this.#finish(data, start, end);
    this.#usageStart = this.#usageEnd = -1;
    if (isObjectAt(data, valueAt[USAGE]!, end)) {
      this.#usageStart = skipSpaces(data, valueAt[USAGE]!, end);
      this.#usageEnd = objectEnd(data, this.#usageStart, end);
    }
    this.#keepUsage(data, this.#usageStart, this.#usageEnd, null);
    return blocked || finishes;
  }

  #learn(frame: Omit<FrameToLearn, 'markStart' | 'markEnd'>): void {
    const markEnd = this.#usageEnd;
    const pattern = this.#known.learn({ ...frame, markStart: markEnd < 0 ? -1 : this.#usageStart, markEnd });
    if (markEnd >= 0) this.#latestPattern = pattern;
  }

  /** Of the chunk that was just read. One that is not whole tells nothing of a second candidate. */
  #finish(data: Buffer, start: number, end: number): void {
    this.#someFinished = true;
    if (this.candidates > 1 && !this.streamEnded) {
      const candidates = parseObject(data, start, end)?.['candidates'];
      if (Array.isArray(candidates)) {
        for (const [at, candidate] of candidates.entries()) {
          if (isFinishReason(candidate?.finishReason))
            this.#finished.add(typeof candidate.index === 'number' ? candidate.index : at);
        }
      }
    }
    this.streamEnded ||= this.candidates <= Math.max(1, this.#finished.size);
  }

  #content(textBytes: number, isContent: boolean): void {
    this.generatedBytes += textBytes;
    if (textBytes === 0 && !isContent) return;
    this.hasContent = true;
    this.onlyHandshake = false;
  }

  /** Of the chunk that was just read; `end` is -1 when it has none. */
  #keepUsage(data: Buffer, start: number, end: number, pattern: FramePattern | null): void {
    const bytes = end - start;
    if (end >= 0 && bytes <= USAGE_BYTES_MAX) {
      if (pattern === null || pattern !== this.#latestPattern) this.#mergeLatest(this.#usage);
      if (this.#latest.length < bytes) this.#latest = Buffer.alloc(Math.max(512, bytes));
      this.#latestBytes = data.copy(this.#latest, 0, start, end);
      this.#latestPattern = pattern;
      this.seen = 'partial';
    }
    if (this.streamEnded && this.seen === 'partial') this.seen = 'final';
  }

  #mergeLatest(into: GeminiUsage): void {
    if (this.#latestBytes > 0) into.merge(parseObject(this.#latest, 0, this.#latestBytes));
  }
}
