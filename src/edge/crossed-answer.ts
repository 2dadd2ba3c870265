/**
 * The answer of an account of another protocol on its way to the client: whole JSON is kept until it is complete and turned at once, a
 * stream event by event. What is kept, by its converter as well, is bounded and draws on the budget of answers that wait. An answer that
 * cannot be turned is broken off like one that its upstream broke; one that there is no room for is broken off by our fault. Front thread
 * only.
 */
import type { ByteBudget } from '#coordinate/local/byte-budget.ts';
import type { FailureCode } from '#failure/registry.ts';
import type { AnswerContext, Crossing, JsonObject, StreamConverter, StreamOutcome } from '#wire/convert/crossing.ts';
import { errorWithin } from '#wire/convert/error-within.ts';
import { parseExact } from '#wire/convert/exact-json.ts';
import { skipSpaces } from '#wire/key-scan.ts';
import { SseFields, SseSplitter } from '#wire/sse.ts';
import type { AnswerTransform } from './answer-transform.ts';
import { Budgeted } from './budgeted.ts';

const EMPTY = Buffer.alloc(0);
const OBJECT_OPEN = 0x7b;

/** Up to this what is kept between chunks counts to the exchange, as half an event does in the tap. */
const FREE_BYTES = 64 * 1024;

export class WholeCrossing implements AnswerTransform {
  failure: FailureCode | null = null;
  readonly outcome = 'whole';
  readonly awaitsComma = false;
  readonly #turn: (body: JsonObject | null) => JsonObject;
  readonly #bytesMax: number;
  readonly #isError: boolean;
  readonly #room: Budgeted;
  #chunks: Uint8Array[] = [];
  #bytes = 0;

  /** `status`: that of the answer. */
  constructor(crossing: Crossing, context: AnswerContext, status: number, bytesMax: number, budget: ByteBudget) {
    this.#room = new Budgeted(budget);
    this.#isError = status >= 300;
    this.#turn = (body) =>
      this.#isError ? crossing.error(status, body, context) : crossing.answer(body as JsonObject, context);
    this.#bytesMax = bytesMax;
  }

  push(chunk: Uint8Array): null {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#bytesMax) this.failure ??= 'upstream_broken';
    else if (!this.#room.resize(this.#bytes)) this.failure ??= 'answer_budget_exhausted';
    if (this.failure === null) this.#chunks.push(chunk);
    return null;
  }

  get budgetedBytes(): number {
    return this.#room.bytes;
  }

  drop(): void {
    this.#chunks = [];
    this.#room.resize(0);
  }

  end(): Uint8Array | null {
    if (this.failure !== null) return null;
    const body = parseObject(Buffer.concat(this.#chunks));
    this.drop();
    if (body === null && !this.#isError) {
      this.failure = 'upstream_broken';
      return null;
    }
    return Buffer.from(JSON.stringify(this.#turn(body)));
  }

  errorSaid(): JsonObject | null {
    const body = parseObject(Buffer.concat(this.#chunks));
    return body === null ? null : errorWithin(body);
  }
}

export class StreamCrossing implements AnswerTransform {
  failure: FailureCode | null = null;
  readonly #converter: StreamConverter;
  readonly #splitter: SseSplitter;
  readonly #bytesMax: number;
  readonly #fields = new SseFields();
  readonly #room: Budgeted;
  /** Gemini without `alt=sse`: the events of the stream are the elements of one array. */
  readonly #asArray: boolean;
  #elements = 0;
  #text = '';
  #error: JsonObject | null = null;

  /** `bytesMax`: of one event, and of what the converter keeps of all of them. */
  constructor(converter: StreamConverter, bytesMax: number, budget: ByteBudget, asArray: boolean) {
    this.#room = new Budgeted(budget);
    this.#converter = converter;
    this.#splitter = new SseSplitter(this, bytesMax);
    this.#bytesMax = bytesMax;
    this.#asArray = asArray;
  }

  push(chunk: Uint8Array): Uint8Array | null {
    this.#splitter.push(chunk);
    const { heldChars } = this.#converter;
    const held = this.#splitter.heldBytes + heldChars;
    if (heldChars > this.#bytesMax) this.failure ??= 'upstream_broken';
    else if (!this.#room.resize(held <= FREE_BYTES ? 0 : held)) this.failure ??= 'answer_budget_exhausted';
    return this.#take();
  }

  get outcome(): StreamOutcome {
    return this.#converter.outcome;
  }

  get awaitsComma(): boolean {
    return this.#asArray && this.#elements > 0;
  }

  get budgetedBytes(): number {
    return this.#room.bytes;
  }

  drop(): void {
    this.#splitter.reset();
    this.#room.resize(0);
  }

  end(): Uint8Array | null {
    this.#splitter.end();
    this.#text += this.#render(this.#converter.end());
    if (this.#asArray && this.outcome === 'whole') this.#text += this.#elements === 0 ? '[]' : '\n]';
    return this.#take();
  }

  errorSaid(): JsonObject | null {
    this.#splitter.end();
    return this.#error;
  }

  /** Called by the splitter, once a frame. */
  frame(bytes: Buffer, start: number, end: number, frameBytes: number): void {
    if (frameBytes > end - start) this.failure ??= 'upstream_broken';
    this.#fields.read(bytes, start, end);
    const { eventStart, eventEnd, data, dataStart, dataEnd } = this.#fields;
    const event = dataStart === dataEnd ? parseBare(bytes, start, end) : parseObject(data.subarray(dataStart, dataEnd));
    if (event !== null) {
      this.#error = errorWithin(event) ?? this.#error;
      this.#text += this.#render(this.#converter.event(bytes.toString('latin1', eventStart, eventEnd), event));
    }
    this.#fields.release();
  }

  #take(): Uint8Array | null {
    const bytes = this.#text === '' ? null : Buffer.from(this.#text);
    this.#text = '';
    return bytes;
  }

  /** `events`: `data: {…}` lines, with an empty line behind each. */
  #render(events: string): string {
    if (!this.#asArray) return events;
    let text = '';
    for (const line of events.split(/[\r\n]+/)) {
      if (line.startsWith('data: ')) text += `${this.#elements++ === 0 ? '[' : ',\r\n'}${line.slice(6)}`;
    }
    return text;
  }
}

/** Google says an error in the middle of a stream without `data:`. */
function parseBare(bytes: Buffer, start: number, end: number): JsonObject | null {
  return bytes[skipSpaces(bytes, start, end)] === OBJECT_OPEN ? parseObject(bytes.subarray(start, end)) : null;
}

function parseObject(bytes: Buffer): JsonObject | null {
  try {
    const value = parseExact((bytes.length === 0 ? EMPTY : bytes).toString('utf8'));
    return typeof value === 'object' && value !== null ? (value as JsonObject) : null;
  } catch {
    return null;
  }
}
