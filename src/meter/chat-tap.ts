/**
 * The tap of Chat Completions, legacy completions and embeddings.
 *
 *   stream = *( "data: " chunk LF LF ) "data: [DONE]" LF LF
 *   chunk  = { id, model, choices: [ { delta: { content | tool_calls | … }, finish_reason } ], usage?, service_tier? }
 *          | { error: { message, type, code } }              some say it beside choices, whose finish_reason is "error"
 *
 * Usage comes in a chunk of its own when it was asked for; other upstreams put it into the last chunk, or count up in every one. A
 * stream that ends without [DONE] but with a finish reason is whole; some upstreams have an empty one in every chunk. Source: platform.openai.com/docs/api-reference/chat-streaming.
 */
import { matched } from '#wire/frame-pattern.ts';
import { isObjectAt, isWordAt, KeyScan, objectAt, stringAt } from '#wire/key-scan.ts';
import { FramePatterns, KnownFrames } from '#wire/known-frames.ts';
import { OpenAiUsage } from '#wire/openai-usage.ts';
import type { TokenCounts } from '#wire/token-counts.ts';
import { asJson, parseJson, Tap } from './tap.ts';

const JSON_FIELDS = ['usage', 'model', 'error', 'service_tier'] as const;
const TEXTS = ['content', 'arguments', 'reasoning_content', 'reasoning', 'refusal', 'text'];
const JSON_TEXTS = { fields: ['choices'], texts: TEXTS, values: [] };
/** Some upstreams have the usage in the choice, or in an object of their own. Deeper is what the model says. */
const KEYS = [
  { name: 'usage', isText: false, depthMax: 3 },
  { name: 'error', isText: false, depthMax: 1 },
  { name: 'choices', isText: false, depthMax: 1 },
  { name: 'model', isText: false, depthMax: 1 },
  { name: 'service_tier', isText: false, depthMax: 1 },
  { name: 'finish_reason', isText: false, isFixed: true, depthMax: 3 },
  { name: 'tool_calls', isText: false },
  ...TEXTS.map((name) => ({ name, isText: true })),
];
const [USAGE, ERROR, CHOICES, MODEL, TIER, FINISH, TOOL_CALLS] = [0, 1, 2, 3, 4, 5, 6] as const;
const DONE = Buffer.from('[DONE]');
/** Looks at one frame at a time, so all taps of a thread share it. */
const scan = new KeyScan(KEYS);
const patterns = new FramePatterns(scan);
/** Flags of a pattern: it has content without a text; it says the model. */
const CALLS_TOOLS = 1;
const SAYS_MODEL = 2;

export class ChatTap extends Tap {
  protected readonly jsonFields = JSON_FIELDS;
  protected readonly jsonTexts = JSON_TEXTS;
  /** Finish reason and usage stand behind the content, which may be all of an answer. */
  protected override readonly tailBytesMax = 8 * 1024;
  readonly #usage = new OpenAiUsage();
  readonly #known = new KnownFrames(patterns);
  #finished = false;

  protected counts(): TokenCounts {
    return this.#usage.counts();
  }

  protected forgetUsage(): void {
    this.#usage.reset();
    this.#known.reset();
    this.#finished = false;
  }

  frame(bytes: Buffer, start: number, end: number, frameBytes: number): void {
    const missingBytes = frameBytes - (end - start);
    const isWhole = missingBytes === 0;
    if (
      isWhole &&
      this.sink === null &&
      this.#known.find(bytes, start, end) === end &&
      this.#isPlain(this.#known.flags)
    ) {
      this.#content(matched.textBytes, (this.#known.flags & CALLS_TOOLS) !== 0);
      return;
    }
    this.fields.read(bytes, start, end);
    const { data, dataStart, dataEnd } = this.fields;
    if (isDone(data, dataStart, dataEnd)) this.#end();
    else if (dataEnd > dataStart) {
      const flags = this.#chunk(data, dataStart, dataEnd, missingBytes);
      if (!isWhole) this.#chunkEnd(this.tailOf(bytes, start, end, missingBytes));
      if (flags >= 0 && isWhole && data === bytes) {
        this.#known.learn({ bytes, start, end, dataStart, dataEnd, markStart: -1, markEnd: -1, flags });
      }
    }
    this.fields.release();
  }

  override end(): void {
    super.end();
    if (this.isStream && this.#finished) this.#end();
  }

  field(index: number, bytes: Buffer, start: number, end: number): void {
    const value = parseJson(bytes, start, end);
    if (JSON_FIELDS[index] === 'usage') {
      if (this.#usage.merge(value)) this.seen = 'final';
    } else if (JSON_FIELDS[index] === 'model') this.keepModel(value);
    else if (JSON_FIELDS[index] === 'service_tier') this.keepTier(value);
    else if (asJson(value) !== null || isWords(value)) this.#error(asJson(value));
  }

  /** A known frame says nothing but its text, unless it has the model that is not known yet. */
  #isPlain(flags: number): boolean {
    return this.model !== null || (flags & SAYS_MODEL) === 0;
  }

  /** Returns the flags of a pattern of such chunks; -1 when they say more than a text. */
  #chunk(data: Buffer, start: number, end: number, missingBytes: number): number {
    scan.scan(data, start, end, missingBytes, this.sink);
    const { valueAt, textBytes } = scan;
    if (valueAt[ERROR]! >= 0 && valueAt[CHOICES]! < 0) {
      this.#error(objectAt(data, valueAt[ERROR]!, end));
      return -1;
    }
    // Beside choices: their finish reason is its own.
    const failed = isObjectAt(data, valueAt[ERROR]!, end);
    if (this.model === null && valueAt[MODEL]! >= 0) this.keepModel(stringAt(data, valueAt[MODEL]!, end));
    const callsTools = valueAt[TOOL_CALLS]! >= 0;
    const finishes = !failed && isWordAt(data, valueAt[FINISH]!, end);
    this.#content(textBytes, finishes || callsTools || missingBytes > 0);
    const hasUsage = this.#keepSaid(data, end, finishes);
    if (failed) this.#error(objectAt(data, valueAt[ERROR]!, end));
    if (failed || finishes || hasUsage) return -1;
    return (callsTools ? CALLS_TOOLS : 0) | (valueAt[MODEL]! >= 0 ? SAYS_MODEL : 0);
  }

  /** Of a chunk beyond the bound: what it says behind its content. */
  #chunkEnd(tail: Buffer): void {
    if (this.errorEvent) return;
    scan.scanTail(tail, 0, tail.length);
    this.#keepSaid(tail, tail.length, isWordAt(tail, scan.valueAt[FINISH]!, tail.length));
  }

  /** End and usage, as they were just found. Returns whether there is usage. */
  #keepSaid(data: Buffer, end: number, finishes: boolean): boolean {
    const { valueAt } = scan;
    this.#finished ||= finishes;
    const hasUsage = isObjectAt(data, valueAt[USAGE]!, end);
    if (hasUsage && this.#usage.merge(objectAt(data, valueAt[USAGE]!, end))) {
      this.seen = this.#finished || this.streamEnded ? 'final' : 'partial';
      if (valueAt[TIER]! >= 0) this.keepTier(stringAt(data, valueAt[TIER]!, end));
    }
    return hasUsage;
  }

  #content(textBytes: number, isContent: boolean): void {
    this.generatedBytes += textBytes;
    if (textBytes === 0 && !isContent) return;
    this.hasContent = true;
    this.onlyHandshake = false;
  }

  #end(): void {
    this.streamEnded = true;
    if (this.seen === 'partial') this.seen = 'final';
  }

  #error(error: { readonly [field: string]: unknown } | null): void {
    this.onlyHandshake = false;
    this.keepErrorOf(error ?? {});
  }
}

/** Some upstreams say an error as a text alone. */
function isWords(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function isDone(data: Buffer, start: number, end: number): boolean {
  if (end - start < DONE.length) return false;
  for (let i = 0; i < DONE.length; i++) if (data[start + i] !== DONE[i]) return false;
  return true;
}
