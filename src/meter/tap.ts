/**
 * Watches one answer of an upstream while its bytes pass to the client unchanged: usage, model, terminal event, error, and a rough
 * count of what was generated for answers that break. What the protocols have in common; each has its own reading of frames and fields
 * beside this file. Runs on front threads. Never throws, whatever the bytes; never changes a chunk; holds at most `HELD_BYTES_MAX` of
 * them; the same bytes give the same result under any chunking.
 *
 *   stream     ──► SseSplitter ──► `frame`, once a frame: a protocol's tap looks at as little of it as it can
 *   array      ──► JsonArraySplitter ──► `element`, once an element (Gemini's streams without `alt=sse`)
 *   JSON       ──► JsonFields  ──► `field`, once for each of the tap's names at the top level of the document; its texts are counted
 */
import { JsonArraySplitter } from '#wire/json-array-splitter.ts';
import { JsonFields } from '#wire/json-fields.ts';
import type { TextKeys } from '#wire/json-texts.ts';
import { SseFields, SseSplitter } from '#wire/sse.ts';
import type { TextSink } from '#wire/text-sink.ts';
import { type TokenCounts, zeroCounts } from '#wire/token-counts.ts';
import { estimateOutputTokens } from './generated-text.ts';

/**
 * Bound on one held frame (streams) or one held value (JSON): `usage` with 200 iterations is 50 KB. A longer frame passes like any
 * other; of it only the beginning and, where a tap wants it, the end are read, so a usage of that size falls back to the estimate.
 */
export const HELD_BYTES_MAX = 65_536;

/** Model names longer than this do not fit a usage record. */
const MODEL_CHARS_MAX = 128;
const ERROR_TYPE_CHARS_MAX = 64;
const TIER_CHARS_MAX = 32;

/** `none`: no usage came; `partial`: that of an unfinished answer; `final`: that of the whole answer. */
export type UsageSeen = 'none' | 'partial' | 'final';

export interface TapUsage extends TokenCounts {
  seen: UsageSeen;
}

/** What is to be billed, and how the numbers were obtained (`UsageSource` of `usage/record.ts`). */
export interface BillableUsage {
  counts: TokenCounts;
  source: 'reported' | 'partial' | 'estimated';
}

/** A frame is read within one call, so all taps of a thread read into one. */
const FIELDS = new SseFields();
const NOTHING = Buffer.alloc(0);

export type Json = { readonly [field: string]: unknown };

/** Reusable: `start` begins the next answer. */
export abstract class Tap {
  /** Fields at the top level of a JSON document that `field` is told of. */
  protected abstract readonly jsonFields: readonly string[];
  /** Where in a JSON document generated text is. */
  protected abstract readonly jsonTexts: TextKeys;
  /** Of a frame or element that is longer than the bound, so many of its last bytes are kept as well, for `tailOf`. */
  protected readonly tailBytesMax: number = 0;
  protected readonly fields = FIELDS;
  protected isStream = false;
  /** So many answers in one were asked for, each of which ends by itself (Gemini's `candidateCount`). */
  protected candidates = 1;
  protected seen: UsageSeen = 'none';
  protected streamEnded = false;
  protected hasContent = false;
  protected onlyHandshake = true;
  /** Gets the generated texts as they pass. */
  protected sink: TextSink | null = null;
  /** Bytes of generated text that have come, in delta events or under the document's `jsonTexts`. */
  protected generatedBytes = 0;
  #splitter: SseSplitter | null = null;
  #array: JsonArraySplitter | null = null;
  #isArray = false;
  #json: JsonFields | null = null;
  #model: string | null = null;
  #errorType: string | null = null;
  #serviceTier = '';
  #answerId = '';
  #torn = false;

  /** As reported so far, a fresh copy. */
  protected abstract counts(): TokenCounts;
  protected abstract forgetUsage(): void;
  /** Called by the splitter, once a frame. */
  abstract frame(bytes: Buffer, start: number, end: number, frameBytes: number): void;
  /** Called with the value of `jsonFields[index]` in a JSON document. */
  abstract field(index: number, bytes: Buffer, start: number, end: number): void;

  /**
   * Called by the splitter where an element of a streamed array begins: reads it, if it is whole before `limit` and of a known form, and
   * returns its end; otherwise -1, and `element` follows.
   */
  knownElement(_bytes: Buffer, _start: number, _limit: number): number {
    return -1;
  }

  /** Called by the splitter, once an element that was not known. */
  element(_bytes: Buffer, _start: number, _end: number, _elementBytes: number): void {}

  /**
   * The last bytes of a frame or element beyond the bound, of which `bytes[start, end)` is here; none where it is not known to be whole:
   * only its end says which of them are in strings.
   */
  protected tailOf(bytes: Buffer, start: number, end: number, missingBytes: number): Buffer {
    const { tail } = this.#isArray ? this.#array! : this.#splitter!;
    if (this.#torn && !isLineEnd(tail[tail.length - 1])) return NOTHING;
    if (missingBytes > tail.length) return tail;
    // What is missing is all in the tail: it goes on where the head ends.
    return Buffer.concat([bytes.subarray(Math.max(start, end - this.tailBytesMax + tail.length), end), tail]);
  }

  /**
   * Begins an answer; `stream` says whether it is `text/event-stream`, or with `isArray` a JSON array that comes in pieces, otherwise one
   * JSON document is expected. `candidates`: of how many answers in one a stream is made.
   */
  start(stream: boolean, isArray = false, candidates = 1): void {
    this.forgetUsage();
    this.candidates = candidates;
    this.isStream = stream;
    this.#isArray = stream && isArray;
    this.seen = 'none';
    this.streamEnded = this.hasContent = false;
    this.onlyHandshake = true;
    this.generatedBytes = 0;
    this.#model = this.#errorType = null;
    this.#serviceTier = this.#answerId = '';
    this.#torn = false;
    if (this.#isArray) this.#array ??= new JsonArraySplitter(this, HELD_BYTES_MAX, this.tailBytesMax);
    else if (stream) this.#splitter ??= new SseSplitter(this, HELD_BYTES_MAX, this.tailBytesMax);
    else this.#json ??= new JsonFields(this.jsonFields, HELD_BYTES_MAX, this, this.jsonTexts);
    this.#splitter?.reset();
    this.#array?.reset();
    this.#json?.reset();
  }

  /** Behind `start`: from here on `sink` gets the generated texts; null: nobody does. */
  collect(sink: TextSink | null): void {
    this.sink = sink;
    this.#json?.collect(sink);
  }

  push(chunk: Uint8Array): void {
    if (this.isStream) {
      if (this.#isArray) this.#array!.push(chunk);
      else this.#splitter!.push(chunk);
      return;
    }
    if (chunk.length === 0) return;
    this.hasContent = true;
    this.onlyHandshake = false;
    this.#json!.push(chunk);
    this.generatedBytes = this.#json!.textBytes;
  }

  /** The upstream's body is over, whether cleanly or not. */
  end(): void {
    if (!this.isStream || this.#isArray) return;
    this.#torn ||= this.#splitter!.unfinishedBytes > 0;
    this.#splitter!.end();
  }

  /** After `end`: the stream of events ended inside one. */
  get torn(): boolean {
    return this.#torn;
  }

  /** Of a streamed array: it has come to the end of an element, and no comma behind it. */
  get awaitsComma(): boolean {
    return this.#isArray && this.#array!.awaitsComma;
  }

  /** As reported so far, a fresh copy. */
  get usage(): TapUsage {
    return { ...this.counts(), seen: this.seen };
  }

  /** Streams: the protocol's last event was seen. JSON: the document is whole. */
  get terminal(): boolean {
    if (!this.isStream) return this.#json?.complete === true;
    return this.streamEnded && (!this.#isArray || this.#array!.closed);
  }

  /** Streams: bytes at the end of what was pushed whose frame is not whole yet. */
  get unfinishedBytes(): number {
    return (this.#isArray ? this.#array?.unfinishedBytes : this.#splitter?.unfinishedBytes) ?? 0;
  }

  /** The upstream said an error inside its answer. */
  get errorEvent(): boolean {
    return this.#errorType !== null;
  }

  /** The type of that error, '' when it had none; null without an error. */
  get errorType(): string | null {
    return this.#errorType;
  }

  /** The model that answered, by its own account. */
  get model(): string | null {
    return this.#model;
  }

  /** The service tier by which the upstream bills, '' where it says none. */
  get serviceTier(): string {
    return this.#serviceTier;
  }

  /** The upstream's id of the answer, where a later request may name it; '' otherwise. */
  get answerId(): string {
    return this.#answerId;
  }

  /** Something was generated, and nothing said of its usage. */
  get unreported(): boolean {
    return this.seen === 'none' && this.hasContent && !(this.errorEvent && !this.isStream);
  }

  /** Part of the answer itself has come; JSON: any byte. */
  get contentSeen(): boolean {
    return this.hasContent;
  }

  /** Nothing but the protocol's opening events has come, or nothing at all. */
  get handshakeOnly(): boolean {
    return this.onlyHandshake;
  }

  /** Bytes of memory held at this moment, at most `HELD_BYTES_MAX` and `tailBytesMax`. */
  get heldBytes(): number {
    if (this.#isArray) return this.#array!.heldBytes;
    return (this.isStream ? this.#splitter?.heldBytes : this.#json?.heldBytes) ?? 0;
  }

  /** Output tokens by the bytes of generated text that came: `meter/generated-text.ts` has the rule. */
  get estimatedOutputTokens(): number {
    return estimateOutputTokens(this.generatedBytes);
  }

  /**
   * Whether the frame that begins with `bytes[start, end)`, however it goes on, may be the one that tells a client that its answer is
   * complete. Errs on one side: what may be the end counts as the end.
   */
  mayBeTerminal(_bytes: Uint8Array, _start: number, _end: number): boolean {
    return true;
  }

  /** Where in `bytes`, after which the stream is known to have ended, the first frame that may be terminal begins. */
  terminalStart(_bytes: Buffer, _beginsInside: boolean): number {
    return 0;
  }

  /**
   * What to bill. Final usage as it is. Of an answer that broke off: its reported input, and of reported and estimated output the
   * larger, because early numbers may be placeholders. Where no usage came at all but content did, `inputTokensEstimated` stands in.
   * Where nothing was generated and nothing reported, nothing is billed, and nothing for an error in place of an answer.
   */
  billable(inputTokensEstimated: number): BillableUsage {
    const counts = this.counts();
    if (this.seen === 'final') return { counts, source: 'reported' };
    if (this.errorEvent && !(this.isStream && this.hasContent)) return { counts: zeroCounts(), source: 'estimated' };
    const outputTokens = this.estimatedOutputTokens;
    if (this.seen === 'none') {
      if (this.hasContent) counts.inputTokens = inputTokensEstimated;
    } else if (outputTokens <= counts.outputTokens) return { counts, source: 'partial' };
    counts.outputTokens = outputTokens;
    return { counts, source: 'estimated' };
  }

  protected keepModel(model: unknown): void {
    if (typeof model === 'string' && model !== '' && model.length <= MODEL_CHARS_MAX) this.#model = model;
  }

  protected keepError(type: unknown): void {
    this.#errorType = typeof type === 'string' ? type.slice(0, ERROR_TYPE_CHARS_MAX) : '';
  }

  /** OpenAI's: its code, where it has none its type. Some upstreams have numbers for codes. */
  protected keepErrorOf(error: Json): void {
    const code = typeof error['code'] === 'number' ? String(error['code']) : error['code'];
    this.keepError(code || error['type']);
  }

  protected keepTier(tier: unknown): void {
    if (typeof tier === 'string' && tier.length <= TIER_CHARS_MAX) this.#serviceTier = tier;
  }

  protected keepAnswerId(id: unknown): void {
    if (typeof id === 'string' && id.length <= MODEL_CHARS_MAX) this.#answerId = id;
  }
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === 0x0a || byte === 0x0d;
}

export function parseJson(bytes: Buffer, start: number, end: number): unknown {
  try {
    return JSON.parse(bytes.toString('utf8', start, end));
  } catch {
    return null;
  }
}

export function parseObject(bytes: Buffer, start: number, end: number): Json | null {
  return asJson(parseJson(bytes, start, end));
}

export function asJson(value: unknown): Json | null {
  return typeof value === 'object' && value !== null ? (value as Json) : null;
}
