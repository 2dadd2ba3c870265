/**
 * The tap of Anthropic answers.
 *
 *   frame ──┬─ content_block_delta (nearly all): length arithmetic, nothing is made
 *           └─ the rest: fields ──► kind ──► JSON.parse of message_start, message_delta, error
 *
 * Measured by native-bench/micro/sse-tap.ts: 125 to 145 ns a delta event of 136 bytes.
 */
import { dataKind, deltaDataStart, EVENT, type EventKind, eventKind } from '#wire/anthropic.ts';
import { mayBeTerminal, terminalStart } from '#wire/anthropic-terminal.ts';
import { AnthropicUsage } from '#wire/anthropic-usage.ts';
import { KeyScan } from '#wire/key-scan.ts';
import type { TokenCounts } from '#wire/token-counts.ts';
import { generatedBytes } from './generated-text.ts';
import { asJson, type Json, parseJson, parseObject, Tap } from './tap.ts';

/** Only where texts are collected: everywhere else arithmetic is enough. */
const deltaTexts = new KeyScan(['text', 'thinking', 'partial_json'].map((name) => ({ name, isText: true })));
const JSON_FIELDS = ['usage', 'model', 'error'] as const;
const JSON_TEXTS = { fields: ['content'], texts: ['text', 'thinking'], values: ['input'] };

export class AnthropicTap extends Tap {
  protected readonly jsonFields = JSON_FIELDS;
  protected readonly jsonTexts = JSON_TEXTS;
  readonly #usage = new AnthropicUsage();
  #deltaUsageSeen = false;
  #stopped = false;

  protected counts(): TokenCounts {
    return this.#usage.counts();
  }

  protected forgetUsage(): void {
    this.#usage.reset();
    this.#deltaUsageSeen = this.#stopped = false;
  }

  override mayBeTerminal(bytes: Uint8Array, start: number, end: number): boolean {
    return mayBeTerminal(bytes, start, end);
  }

  override terminalStart(bytes: Buffer, beginsInside: boolean): number {
    return terminalStart(bytes, beginsInside);
  }

  frame(bytes: Buffer, start: number, end: number, frameBytes: number): void {
    const deltaStart = deltaDataStart(bytes, start, end);
    if (deltaStart >= 0) {
      this.#delta(bytes, deltaStart, end, frameBytes - (end - start));
      return;
    }
    this.fields.read(bytes, start, end);
    this.#readEvent(frameBytes - (end - start));
    this.fields.release();
  }

  field(index: number, bytes: Buffer, start: number, end: number): void {
    const value = parseJson(bytes, start, end);
    if (JSON_FIELDS[index] === 'usage') {
      if (this.#usage.merge(value)) this.seen = 'final';
    } else if (JSON_FIELDS[index] === 'model') this.keepModel(value);
    else if (typeof value === 'object' && value !== null) this.keepError((value as Json)['type']);
  }

  #readEvent(missingBytes: number): void {
    const { bytes, eventStart, eventEnd, data, dataStart, dataEnd } = this.fields;
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
    const { data, dataStart, dataEnd } = this.fields;
    if (kind === EVENT.ping) return;
    if (kind === EVENT.messageStart) {
      this.#messageStart(parsed ?? parseObject(data, dataStart, dataEnd));
      return;
    }
    this.onlyHandshake = false;
    if (kind === EVENT.error) this.#error(parsed ?? parseObject(data, dataStart, dataEnd));
    else if (kind === EVENT.blockDelta) this.#delta(data, dataStart, dataEnd, missingBytes);
    else if (kind === EVENT.blockStart || kind === EVENT.blockStop) this.#block();
    else if (kind === EVENT.messageDelta) this.#messageDelta(parsed ?? parseObject(data, dataStart, dataEnd));
    else if (kind === EVENT.messageStop && (parsed ?? parseObject(data, dataStart, dataEnd)) !== null) this.#stop();
  }

  #messageStart(event: Json | null): void {
    const message = asJson(event?.['message']);
    this.keepModel(message?.['model']);
    if (this.#usage.merge(message?.['usage']) && this.seen === 'none') this.seen = 'partial';
  }

  #messageDelta(event: Json | null): void {
    if (event === null) return;
    this.hasContent = true;
    if (!this.#usage.merge(event['usage'])) return;
    const stopReason = asJson(event['delta'])?.['stop_reason'];
    this.#stopped ||= typeof stopReason === 'string';
    this.seen = this.#stopped || this.streamEnded ? 'final' : 'partial';
    this.#deltaUsageSeen = true;
  }

  #block(): void {
    this.hasContent = true;
    this.sink?.next();
  }

  #stop(): void {
    this.streamEnded = true;
    if (this.#deltaUsageSeen) this.seen = 'final';
  }

  #error(event: Json | null): void {
    this.keepError(asJson(event?.['error'])?.['type']);
  }

  /** `missingBytes`: of a frame beyond the bound, what is not here. */
  #delta(data: Buffer, start: number, end: number, missingBytes: number): void {
    this.hasContent = true;
    this.onlyHandshake = false;
    this.generatedBytes += generatedBytes(data, start, end, missingBytes);
    if (this.sink !== null) deltaTexts.scan(data, start, end, missingBytes, this.sink);
  }
}

function kindByName(name: string): EventKind {
  const bytes = Buffer.from(name);
  return eventKind(bytes, 0, bytes.length);
}
