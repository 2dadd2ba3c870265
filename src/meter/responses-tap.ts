/**
 * The tap of OpenAI's Responses, over HTTP and, an event a message, over WebSocket.
 *
 *   stream   = response.created response.in_progress *( response.….delta | response.….done | … ) terminal
 *   terminal = response.completed | response.incomplete | response.failed       with the whole response, its usage in it
 *   frame    = [ "event: " type LF ] "data: " json LF LF                        type = json.type; `event:` may be missing
 *   error    = { type: "error", code, message, param }                          also ends the stream
 *            | { type: "error", error: { type, code, message } }                as over a WebSocket
 *
 * The response in the first and last event echoes instructions, tools and metadata, which are whatever the client says, and can be far
 * longer than what a tap holds: a field counts only where the response itself has it, and of a long one beginning and end are read. Source: platform.openai.com/docs/api-reference/responses-streaming.
 */
import { matched } from '#wire/frame-pattern.ts';
import { KeyScan, objectAt, stringAt } from '#wire/key-scan.ts';
import { FramePatterns, KnownFrames } from '#wire/known-frames.ts';
import { OpenAiUsage } from '#wire/openai-usage.ts';
import { eventType } from '#wire/socket-events.ts';
import type { TokenCounts } from '#wire/token-counts.ts';
import { asJson, parseJson, Tap } from './tap.ts';

const JSON_FIELDS = ['usage', 'model', 'error', 'service_tier', 'id', 'status'] as const;
/** Calls of tools say what they ask for as `arguments`, `input` (custom tools), `code` or `diff`. */
const JSON_TEXTS = { fields: ['output'], texts: ['text', 'refusal', 'arguments', 'input', 'code', 'diff'], values: [] };
/** `delta` is a text in the events whose text is generated. */
const scan = new KeyScan([
  { name: 'delta', isText: true },
  { name: 'type', isText: false, isFixed: true },
]);
/** Members of the response, or of the event around it. */
const response = new KeyScan(
  [
    ['usage', 2],
    ['service_tier', 2],
    ['id', 2],
    ['model', 2],
    ['error', 2],
    ['code', 1],
    ['type', 1],
  ].map(([name, depthMax]) => ({ name: name as string, isText: false, depthMax: depthMax as number })),
);
const [USAGE, TIER, ID, MODEL, ERROR, CODE, EVENT_TYPE] = [0, 1, 2, 3, 4, 5, 6] as const;
const patterns = new FramePatterns(scan);

const OPENING = ['response.created', 'response.in_progress', 'response.queued', 'keepalive'];
const TERMINAL = ['response.completed', 'response.incomplete', 'response.failed'];
const TYPE_FIRST = Buffer.from('{"type"');
/** The type of an event is its first member, or near it. */
const TYPE_WITHIN = 256;

export class ResponsesTap extends Tap {
  protected readonly jsonFields = JSON_FIELDS;
  protected readonly jsonTexts = JSON_TEXTS;
  /** Behind the output of a response are its service tier, then the tools of the request, then its usage. */
  protected override readonly tailBytesMax = 32 * 1024;
  readonly #usage = new OpenAiUsage();
  readonly #known = new KnownFrames(patterns);
  #failed = false;
  /** While an event is read that is not whole here: its end. */
  #tail: Buffer | null = null;

  protected counts(): TokenCounts {
    return this.#usage.counts();
  }

  protected forgetUsage(): void {
    this.#usage.reset();
    this.#known.reset();
    this.#failed = false;
  }

  frame(bytes: Buffer, start: number, end: number, frameBytes: number): void {
    const missingBytes = frameBytes - (end - start);
    if (missingBytes === 0 && this.#isKnownDelta(bytes, start, end)) return;
    this.fields.read(bytes, start, end);
    const { eventStart, eventEnd, data, dataStart, dataEnd } = this.fields;
    if (dataEnd > dataStart) {
      const named = eventEnd > eventStart ? bytes.toString('latin1', eventStart, eventEnd) : '';
      this.#tail = missingBytes > 0 ? this.tailOf(bytes, start, end, missingBytes) : null;
      const isDelta = this.#event(named, data, dataStart, dataEnd, missingBytes);
      this.#tail = null;
      if (isDelta && missingBytes === 0 && data === bytes && (named !== '' || isTypeFirst(data, dataStart))) {
        this.#known.learn({ bytes, start, end, dataStart, dataEnd, markStart: -1, markEnd: -1, flags: 0 });
      }
    }
    this.fields.release();
  }

  /** One event of a WebSocket: the same JSON without a frame around it. */
  protected message(bytes: Buffer): void {
    const end = bytes.length;
    if (this.#isKnownDelta(bytes, 0, end)) return;
    if (this.#event(eventType(bytes), bytes, 0, end, 0) && isTypeFirst(bytes, 0)) {
      this.#known.learn({ bytes, start: 0, end, dataStart: 0, dataEnd: end, markStart: -1, markEnd: -1, flags: 0 });
    }
  }

  /** A response that failed may not say why, and what it says may stand behind its status. */
  override end(): void {
    super.end();
    if (this.#failed && !this.errorEvent) this.keepError('');
  }

  field(index: number, bytes: Buffer, start: number, end: number): void {
    const value = parseJson(bytes, start, end);
    if (JSON_FIELDS[index] === 'usage') {
      if (this.#usage.merge(value)) this.seen = 'final';
    } else if (JSON_FIELDS[index] === 'model') this.keepModel(value);
    else if (JSON_FIELDS[index] === 'service_tier') this.keepTier(value);
    else if (JSON_FIELDS[index] === 'id') this.keepAnswerId(value);
    else if (JSON_FIELDS[index] === 'status') this.#failed = value === 'failed';
    else if (asJson(value) !== null) this.keepErrorOf(asJson(value)!);
  }

  /** Only deltas are learned, with their type in what is fixed. */
  #isKnownDelta(bytes: Buffer, start: number, end: number): boolean {
    if (this.sink !== null || this.#known.find(bytes, start, end) !== end) return false;
    this.#delta(matched.textBytes);
    return true;
  }

  /** Returns whether it was a delta. */
  #event(named: string, data: Buffer, start: number, end: number, missingBytes: number): boolean {
    const type = named !== '' ? named : (typeOf(data, start, end) ?? '');
    if (type.endsWith('.delta')) {
      scan.scan(data, start, end, missingBytes, this.sink);
      this.#delta(scan.textBytes);
      return true;
    }
    this.sink?.next();
    if (OPENING.includes(type)) this.#opening(data, start, end);
    else {
      this.onlyHandshake = false;
      if (TERMINAL.includes(type)) this.#terminal(type, data, start, end);
      else if (type === 'error') this.#error(data, start, end);
      else this.hasContent = true;
    }
    return false;
  }

  #delta(textBytes: number): void {
    this.hasContent = true;
    this.onlyHandshake = false;
    this.generatedBytes += textBytes;
  }

  #opening(data: Buffer, start: number, end: number): void {
    if (this.answerId !== '' && this.model !== null) return;
    response.scan(data, start, end, 0);
    this.#keepNames(data, end);
  }

  #terminal(type: string, data: Buffer, start: number, end: number): void {
    const tail = this.#tail;
    this.streamEnded = true;
    response.scan(data, start, end, 0);
    this.#keepNames(data, end);
    this.#keepBill(data, end);
    if (tail !== null) {
      response.scanTail(tail, 0, tail.length);
      this.#keepBill(tail, tail.length);
    }
    if (type === 'response.failed') this.#error(data, start, end);
  }

  #keepNames(data: Buffer, end: number): void {
    const { valueAt } = response;
    if (this.answerId === '' && valueAt[ID]! >= 0) this.keepAnswerId(stringAt(data, valueAt[ID]!, end));
    if (this.model === null && valueAt[MODEL]! >= 0) this.keepModel(stringAt(data, valueAt[MODEL]!, end));
  }

  #keepBill(data: Buffer, end: number): void {
    const { valueAt } = response;
    if (valueAt[USAGE]! >= 0 && this.#usage.merge(objectAt(data, valueAt[USAGE]!, end))) this.seen = 'final';
    if (valueAt[TIER]! >= 0) this.keepTier(stringAt(data, valueAt[TIER]!, end));
  }

  #error(data: Buffer, start: number, end: number): void {
    response.scan(data, start, end, 0);
    const { valueAt } = response;
    const error = valueAt[ERROR]! < 0 ? null : objectAt(data, valueAt[ERROR]!, end);
    if (error !== null) this.keepErrorOf(error);
    else this.keepError(valueAt[CODE]! < 0 ? '' : stringAt(data, valueAt[CODE]!, end));
  }
}

/** Then no string before it can pass for it. */
function isTypeFirst(data: Buffer, start: number): boolean {
  return data.indexOf(TYPE_FIRST, start) === start;
}

function typeOf(data: Buffer, start: number, end: number): string | null {
  const within = Math.min(end, start + TYPE_WITHIN);
  response.scan(data, start, within, 0);
  const typeAt = response.valueAt[EVENT_TYPE]!;
  return typeAt < 0 ? null : stringAt(data, typeAt, within);
}
