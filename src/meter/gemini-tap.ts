/**
 * The tap of Gemini's native answers: server-sent events, a JSON array that comes in pieces, or one document.
 *
 *   chunk = { candidates: [ { content: { parts: [ { text | thought | functionCall | … } ] }, finishReason } ], promptFeedback, usageMetadata }
 *         | { error: { code, message, status } }                            bare, or behind `data: `
 *
 * `usageMetadata` is in most chunks and counts up, so of each only the bytes are kept and the last is parsed. The answer is whole with the
 * chunk that has a finish reason, or says why the prompt was blocked. Source: ai.google.dev/api/generate-content.
 */
import { GeminiUsage } from '#wire/gemini-usage.ts';
import { isStringAt, KeyScan, objectAt, objectEnd, skipSpaces, stringAt } from '#wire/key-scan.ts';
import type { TokenCounts } from '#wire/token-counts.ts';
import { asJson, parseJson, parseObject, Tap } from './tap.ts';

const JSON_FIELDS = ['usageMetadata', 'modelVersion', 'error'] as const;
const scan = new KeyScan([
  { name: 'usageMetadata', isText: false },
  { name: 'error', isText: false },
  { name: 'candidates', isText: false },
  { name: 'modelVersion', isText: false },
  { name: 'finishReason', isText: false },
  { name: 'blockReason', isText: false },
  { name: 'functionCall', isText: false },
  { name: 'text', isText: true },
]);
const [USAGE, ERROR, CANDIDATES, MODEL, FINISH, BLOCK, CALL] = [0, 1, 2, 3, 4, 5, 6] as const;
const USAGE_BYTES_MAX = 4096;
const OBJECT_OPEN = 0x7b;

export class GeminiTap extends Tap {
  protected readonly jsonFields = JSON_FIELDS;
  readonly #usage = new GeminiUsage();
  /** The latest `usageMetadata` as it came; parsed when it is asked for. */
  #latest = Buffer.alloc(0);
  #latestBytes = 0;

  protected counts(): TokenCounts {
    if (this.#latestBytes > 0) this.#usage.merge(parseObject(this.#latest, 0, this.#latestBytes));
    this.#latestBytes = 0;
    return this.#usage.counts();
  }

  protected forgetUsage(): void {
    this.#usage.reset();
    this.#latestBytes = 0;
  }

  frame(bytes: Buffer, start: number, end: number, frameBytes: number): void {
    this.fields.read(bytes, start, end);
    const { data, dataStart, dataEnd } = this.fields;
    if (dataEnd > dataStart) this.#chunk(data, dataStart, dataEnd, frameBytes - (end - start));
    // Google says an error in the middle of a stream without `data:`.
    else if (bytes[skipSpaces(bytes, start, end)] === OBJECT_OPEN) this.#chunk(bytes, start, end, 0);
    this.fields.release();
  }

  override element(bytes: Buffer, start: number, end: number, elementBytes: number): void {
    this.#chunk(bytes, start, end, elementBytes - (end - start));
  }

  field(index: number, bytes: Buffer, start: number, end: number): void {
    const value = parseJson(bytes, start, end);
    if (JSON_FIELDS[index] === 'usageMetadata') {
      if (this.#usage.merge(value)) this.seen = 'final';
    } else if (JSON_FIELDS[index] === 'modelVersion') this.keepModel(value);
    else if (asJson(value) !== null) this.keepError(asJson(value)!['status']);
  }

  #chunk(data: Buffer, start: number, end: number, missingBytes: number): void {
    scan.scan(data, start, end, missingBytes);
    const { valueAt, textBytes } = scan;
    if (valueAt[ERROR]! >= 0 && valueAt[CANDIDATES]! < 0) {
      this.onlyHandshake = false;
      return this.keepError(objectAt(data, valueAt[ERROR]!, end)?.['status']);
    }
    if (this.model === null && valueAt[MODEL]! >= 0) this.keepModel(stringAt(data, valueAt[MODEL]!, end));
    this.generatedBytes += textBytes;
    const ends = isStringAt(data, valueAt[FINISH]!, end) || isStringAt(data, valueAt[BLOCK]!, end);
    if (textBytes > 0 || ends || valueAt[CALL]! >= 0) {
      this.hasContent = true;
      this.onlyHandshake = false;
    }
    this.streamEnded ||= ends;
    this.#keepUsage(data, end);
  }

  #keepUsage(data: Buffer, end: number): void {
    const at = scan.valueAt[USAGE]!;
    if (at >= 0) {
      const start = skipSpaces(data, at, end);
      const bytes = objectEnd(data, start, end) - start;
      if (bytes > 0 && bytes <= USAGE_BYTES_MAX) {
        if (this.#latest.length < bytes) this.#latest = Buffer.alloc(Math.max(512, bytes));
        this.#latestBytes = data.copy(this.#latest, 0, start, start + bytes);
        this.seen = 'partial';
      }
    }
    if (this.streamEnded && this.seen === 'partial') this.seen = 'final';
  }
}
