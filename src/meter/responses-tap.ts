/**
 * The tap of OpenAI's Responses, over HTTP and, an event a message, over WebSocket.
 *
 *   stream   = response.created response.in_progress *( response.….delta | response.….done | … ) terminal
 *   terminal = response.completed | response.incomplete | response.failed       with the whole response, its usage in it
 *   frame    = [ "event: " type LF ] "data: " json LF LF                        type = json.type; `event:` may be missing
 *   error    = { type: "error", code, message, param }                          also ends the stream
 *            | { type: "error", error: { type, code, message } }                as over a WebSocket
 *
 * The response in the first and last event echoes instructions and tools and can be far longer than what a tap holds, so nothing of it is
 * parsed but the usage, which is found from the end. Source: platform.openai.com/docs/api-reference/responses-streaming.
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
  { name: 'error', isText: false },
  { name: 'code', isText: false },
  { name: 'type', isText: false, isFixed: true },
]);
const [ERROR, CODE] = [1, 2] as const;
const patterns = new FramePatterns(scan);

const OPENING = ['response.created', 'response.in_progress', 'response.queued', 'keepalive'];
const TERMINAL = ['response.completed', 'response.incomplete', 'response.failed'];
const TYPE = Buffer.from('"type"');
const TYPE_FIRST = Buffer.from('{"type"');
const USAGE = Buffer.from('"usage":');
const SERVICE_TIER = Buffer.from('"service_tier":');
const MODEL = Buffer.from('"model":');
const ID = Buffer.from('"id":');
/** The type of an event is its first member, or near it. */
const TYPE_WITHIN = 256;

export class ResponsesTap extends Tap {
  protected readonly jsonFields = JSON_FIELDS;
  protected readonly jsonTexts = JSON_TEXTS;
  /** A response echoes its tools and its output before it says its usage. */
  protected override readonly tailBytesMax = 8 * 1024;
  readonly #usage = new OpenAiUsage();
  readonly #known = new KnownFrames(patterns);
  #failed = false;

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
      const isDelta = this.#event(named, data, dataStart, dataEnd, missingBytes);
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
      if (TERMINAL.includes(type)) this.#terminal(type, data, start, end, missingBytes);
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
    if (this.answerId === '') this.keepAnswerId(stringBehind(data, ID, start, end) ?? '');
    if (this.model === null) this.keepModel(stringBehind(data, MODEL, start, end));
  }

  #terminal(type: string, data: Buffer, start: number, end: number, missingBytes: number): void {
    this.streamEnded = true;
    const [bytes, from, to] = missingBytes > 0 ? [this.frameTail, 0, this.frameTail.length] : [data, start, end];
    if (this.#findUsage(bytes, from, to)) this.seen = 'final';
    const tierAt = lastIndexOf(bytes, SERVICE_TIER, from, to);
    if (tierAt >= 0) this.keepTier(stringAt(bytes, tierAt + SERVICE_TIER.length, to));
    if (this.answerId === '') this.keepAnswerId(stringBehind(data, ID, start, end) ?? '');
    if (type === 'response.failed') this.#error(data, start, end);
  }

  /** The last object of that name that is a usage: a tool's schema may have a property of the same name. */
  #findUsage(bytes: Buffer, start: number, end: number): boolean {
    for (let at = lastIndexOf(bytes, USAGE, start, end); at >= 0; at = lastIndexOf(bytes, USAGE, start, at)) {
      if (this.#usage.merge(objectAt(bytes, at + USAGE.length, end))) return true;
    }
    return false;
  }

  #error(data: Buffer, start: number, end: number): void {
    scan.scan(data, start, end, 0);
    const { valueAt } = scan;
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
  return stringBehind(data, TYPE, start, Math.min(end, start + TYPE_WITHIN));
}

/** The string that is the value of the first member with this name (with its quotes, perhaps its colon). */
function stringBehind(data: Buffer, name: Buffer, start: number, end: number): string | null {
  const at = data.indexOf(name, start);
  if (at < 0 || at + name.length >= end) return null;
  let value = at + name.length;
  while (value < end && (data[value] === 0x3a || data[value] === 0x20)) value++;
  return stringAt(data, value, end);
}

function lastIndexOf(bytes: Buffer, name: Buffer, start: number, end: number): number {
  if (end - start < name.length) return -1;
  const at = bytes.lastIndexOf(name, end - name.length);
  return at < start ? -1 : at;
}
