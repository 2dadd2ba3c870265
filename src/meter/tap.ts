/**
 * Watches one answer of an Anthropic upstream while its bytes pass to the client unchanged: usage, model, terminal event, error
 * event, and a rough count of what was generated for streams that break. Runs on front threads. Never throws, whatever the bytes;
 * never changes a chunk; holds at most `HELD_BYTES_MAX` of them; the same bytes give the same result under any chunking.
 *
 *   stream  ──► SseSplitter ──► frame ──┬─ content_block_delta (nearly all): length arithmetic, nothing is made
 *                                       └─ the rest: fields ──► kind ──► JSON.parse of message_start, message_delta, error
 *   JSON    ──► JsonFields  ──► `model`, `usage`, `error` at the top level ──► JSON.parse of these values only
 *
 * Measured by native-bench/micro/sse-tap.ts: 125 to 145 ns a delta event of 136 bytes.
 */
import { dataKind, deltaDataStart, EVENT, type EventKind, eventKind } from '#wire/anthropic.ts';
import { AnthropicUsage } from '#wire/anthropic-usage.ts';
import { JsonFields } from '#wire/json-fields.ts';
import { SseFields, SseSplitter } from '#wire/sse.ts';
import type { TokenCounts } from '#wire/token-counts.ts';
import { estimateOutputTokens, generatedBytes } from './generated-text.ts';

/**
 * Bound on one held frame (streams) or one held value (JSON): `usage` with 200 iterations is 50 KB. A longer frame passes like any
 * other, it is only not read, so a usage of that size falls back to the estimate.
 */
export const HELD_BYTES_MAX = 65_536;

/** Model names longer than this do not fit a usage record. */
const MODEL_CHARS_MAX = 128;
const ERROR_TYPE_CHARS_MAX = 64;

const JSON_FIELDS = ['usage', 'model', 'error'] as const;

/**
 * `none`: no usage came; `partial`: that of `message_start` or of an unfinished `message_delta`; `final`: that of the whole answer.
 */
export type UsageSeen = 'none' | 'partial' | 'final';

export interface TapUsage extends TokenCounts {
  seen: UsageSeen;
}

/** What is to be billed, and how the numbers were obtained (`UsageSource` of `usage/record.ts`). */
export interface BillableUsage {
  counts: TokenCounts;
  source: 'reported' | 'partial' | 'estimated';
}

type Json = { readonly [field: string]: unknown };

/** Reusable: `start` begins the next answer. */
export class Tap {
  readonly #usage = new AnthropicUsage();
  readonly #fields = new SseFields();
  #splitter: SseSplitter | null = null;
  #json: JsonFields | null = null;
  #stream = false;
  #seen: UsageSeen = 'none';
  #deltaUsageSeen = false;
  #stopped = false;
  #terminal = false;
  #model: string | null = null;
  #errorType: string | null = null;
  #contentSeen = false;
  #handshakeOnly = true;
  /** Bytes of generated text in delta events (streams) or of the body (JSON). */
  #generatedBytes = 0;

  /** Begins an answer; `stream` says whether it is `text/event-stream`, otherwise one JSON document is expected. */
  start(stream: boolean): void {
    this.#usage.reset();
    this.#stream = stream;
    this.#seen = 'none';
    this.#deltaUsageSeen = this.#stopped = this.#terminal = this.#contentSeen = false;
    this.#handshakeOnly = true;
    this.#model = this.#errorType = null;
    this.#generatedBytes = 0;
    if (stream) this.#splitter ??= new SseSplitter(this, HELD_BYTES_MAX);
    else this.#json ??= new JsonFields(JSON_FIELDS, HELD_BYTES_MAX, this);
    this.#splitter?.reset();
    this.#json?.reset();
  }

  push(chunk: Uint8Array): void {
    if (this.#stream) {
      this.#splitter?.push(chunk);
      return;
    }
    if (chunk.length === 0) return;
    this.#contentSeen = true;
    this.#handshakeOnly = false;
    this.#generatedBytes += chunk.length;
    this.#json?.push(chunk);
  }

  /** The upstream's body is over, whether cleanly or not. */
  end(): void {
    if (this.#stream) this.#splitter?.end();
  }

  /** As reported so far, a fresh copy. */
  get usage(): TapUsage {
    return { ...this.#usage.counts(), seen: this.#seen };
  }

  /** Streams: `message_stop` was seen. JSON: the document is whole. */
  get terminal(): boolean {
    return this.#stream ? this.#terminal : this.#json?.complete === true;
  }

  /** Streams: bytes at the end of what was pushed whose frame is not whole yet. */
  get unfinishedBytes(): number {
    return this.#splitter?.unfinishedBytes ?? 0;
  }

  /** The upstream said an error inside its answer. */
  get errorEvent(): boolean {
    return this.#errorType !== null;
  }

  /** `error.type` of that error, '' when it had none; null without an error. */
  get errorType(): string | null {
    return this.#errorType;
  }

  /** The model that answered, by its own account. */
  get model(): string | null {
    return this.#model;
  }

  /** Part of the answer itself has come; JSON: any byte. */
  get contentSeen(): boolean {
    return this.#contentSeen;
  }

  /** Nothing but `message_start` and `ping` has come, or nothing at all. */
  get handshakeOnly(): boolean {
    return this.#handshakeOnly;
  }

  /** Bytes of memory held at this moment, at most `HELD_BYTES_MAX`. */
  get heldBytes(): number {
    return (this.#stream ? this.#splitter?.heldBytes : this.#json?.heldBytes) ?? 0;
  }

  /** Output tokens by the bytes of generated text that came: `meter/generated-text.ts` has the rule. */
  get estimatedOutputTokens(): number {
    return estimateOutputTokens(this.#generatedBytes);
  }

  /**
   * What to bill. Final usage as it is. Of an answer that broke off: its reported input, and of reported and estimated output the
   * larger, because the number in `message_start` is only a placeholder. Where no usage came at all but content did,
   * `inputTokensEstimated` stands in. Where nothing was generated and nothing reported, nothing is billed.
   */
  billable(inputTokensEstimated: number): BillableUsage {
    const counts = this.#usage.counts();
    if (this.#seen === 'final') return { counts, source: 'reported' };
    const outputTokens = this.estimatedOutputTokens;
    if (this.#seen === 'none') {
      if (this.#contentSeen) counts.inputTokens = inputTokensEstimated;
    } else if (outputTokens <= counts.outputTokens) return { counts, source: 'partial' };
    counts.outputTokens = outputTokens;
    return { counts, source: 'estimated' };
  }

  /** Called by the splitter, once a frame. */
  frame(bytes: Buffer, start: number, end: number, frameBytes: number): void {
    const deltaStart = deltaDataStart(bytes, start, end);
    if (deltaStart >= 0) {
      this.#delta(bytes, deltaStart, end, frameBytes - (end - start));
      return;
    }
    this.#fields.read(bytes, start, end);
    this.#readEvent(frameBytes - (end - start));
    this.#fields.release();
  }

  /** Called by the JSON reader with the value of `JSON_FIELDS[index]`. */
  field(index: number, bytes: Buffer, start: number, end: number): void {
    const value = parse(bytes, start, end);
    if (JSON_FIELDS[index] === 'usage') {
      if (this.#usage.merge(value)) this.#seen = 'final';
    } else if (JSON_FIELDS[index] === 'model') this.#keepModel(value);
    else if (typeof value === 'object' && value !== null) this.#keepError(value as Json);
  }

  #readEvent(missingBytes: number): void {
    const { bytes, eventStart, eventEnd, data, dataStart, dataEnd } = this.#fields;
    if (dataStart === dataEnd) return;
    let kind: EventKind = eventKind(bytes, eventStart, eventEnd);
    if (kind === EVENT.unknown) kind = dataKind(data, dataStart, dataEnd);
    let parsed: Json | null = null;
    if (kind === EVENT.unknown) {
      parsed = parseObject(data, dataStart, dataEnd);
      const type = parsed?.['type'];
      if (typeof type === 'string') kind = kindByName(type);
    }
    this.#event(kind, parsed, missingBytes);
  }

  #event(kind: EventKind, parsed: Json | null, missingBytes: number): void {
    const { data, dataStart, dataEnd } = this.#fields;
    if (kind === EVENT.ping) return;
    if (kind === EVENT.messageStart) {
      this.#messageStart(parsed ?? parseObject(data, dataStart, dataEnd));
      return;
    }
    this.#handshakeOnly = false;
    if (kind === EVENT.error) this.#keepError(objectIn(parsed ?? parseObject(data, dataStart, dataEnd), 'error'));
    else if (kind === EVENT.blockDelta) this.#delta(data, dataStart, dataEnd, missingBytes);
    else if (kind === EVENT.blockStart || kind === EVENT.blockStop) this.#contentSeen = true;
    else if (kind === EVENT.messageDelta) this.#messageDelta(parsed ?? parseObject(data, dataStart, dataEnd));
    else if (kind === EVENT.messageStop && (parsed ?? parseObject(data, dataStart, dataEnd)) !== null) this.#stop();
  }

  #messageStart(event: Json | null): void {
    const message = objectIn(event, 'message');
    this.#keepModel(message?.['model']);
    if (this.#usage.merge(message?.['usage']) && this.#seen === 'none') this.#seen = 'partial';
  }

  #messageDelta(event: Json | null): void {
    if (event === null) return;
    this.#contentSeen = true;
    if (!this.#usage.merge(event['usage'])) return;
    const stopReason = objectIn(event, 'delta')?.['stop_reason'];
    this.#stopped ||= typeof stopReason === 'string';
    this.#seen = this.#stopped || this.#terminal ? 'final' : 'partial';
    this.#deltaUsageSeen = true;
  }

  #stop(): void {
    this.#terminal = true;
    if (this.#deltaUsageSeen) this.#seen = 'final';
  }

  /** `missingBytes`: of a frame beyond the bound, what is not here. */
  #delta(data: Buffer, start: number, end: number, missingBytes: number): void {
    this.#contentSeen = true;
    this.#handshakeOnly = false;
    this.#generatedBytes += generatedBytes(data, start, end, missingBytes);
  }

  #keepModel(model: unknown): void {
    if (typeof model === 'string' && model !== '' && model.length <= MODEL_CHARS_MAX) this.#model = model;
  }

  #keepError(error: Json | null): void {
    const type = error?.['type'];
    this.#errorType = typeof type === 'string' ? type.slice(0, ERROR_TYPE_CHARS_MAX) : '';
  }
}

function kindByName(name: string): EventKind {
  const bytes = Buffer.from(name);
  return eventKind(bytes, 0, bytes.length);
}

function parse(bytes: Buffer, start: number, end: number): unknown {
  try {
    return JSON.parse(bytes.toString('utf8', start, end));
  } catch {
    return null;
  }
}

function parseObject(bytes: Buffer, start: number, end: number): Json | null {
  const value = parse(bytes, start, end);
  return typeof value === 'object' && value !== null ? (value as Json) : null;
}

function objectIn(value: Json | null, field: string): Json | null {
  const inner = value?.[field];
  return typeof inner === 'object' && inner !== null ? (inner as Json) : null;
}
