/**
 * Reads a Responses stream and tells what its items say, one item after the other. Pure; one object a stream.
 *
 *   stream = created *( queued | in_progress ) *item ( completed | incomplete | failed | error )
 *   item   = output_item.added *( deltas and dones of its parts ) output_item.done            told apart by `output_index`
 *
 * Items may overlap in a stream; what belongs to an item behind the open one waits until that is done. A text is told once, whether it
 * comes as deltas, in the `done` of its part, in that of its item, or with the last event: whatever is missing is told then.
 * What is not known, has the wrong type or belongs to nothing is left out. What waits has no bound here: `heldChars` tells how much it is.
 * Source: platform.openai.com/docs/api-reference/responses-streaming.
 */
import { summaryText } from './carried-thinking.ts';
import type { JsonObject, StreamOutcome } from './crossing.ts';
import { asArray, asNumber, asObject, asString } from './json.ts';
import { jsonChars } from './json-chars.ts';

export interface ResponsesSink {
  /** The first thing said, once, as soon as anything is. */
  begin(response: JsonObject): void;
  text(delta: string, logprobs: readonly unknown[]): void;
  refusal(delta: string): void;
  /** What comes next is another part of the same message. */
  partEnd(): void;
  annotation(annotation: JsonObject): void;
  reasoning(delta: string): void;
  openCall(item: JsonObject): void;
  callDelta(delta: string): void;
  /** `item` is as whole as the upstream told it. */
  itemEnd(item: JsonObject): void;
  /** Complete or incomplete; `response` has status, usage and so on. */
  finish(response: JsonObject): void;
  /** `error` is `{ code, message, type }` as far as the upstream told it. */
  fail(error: JsonObject): void;
}

interface ItemEvent {
  readonly type: string;
  readonly data: JsonObject;
}

interface Waiting {
  readonly events: ItemEvent[];
  chars: number;
}

interface OpenItem {
  readonly index: number;
  /** As it was added; replaced by what is done. */
  item: JsonObject;
  /** Part → characters told of it. */
  readonly told: Map<string, number>;
  readonly annotated: Set<string>;
  /** The part of a message that was told last; '' before the first. */
  part: string;
  /** About what all of this takes. */
  chars: number;
}

/** What an entry of a set or a map takes. */
const ENTRY_CHARS = 64;

const TERMINAL = new Set(['response.completed', 'response.incomplete', 'response.failed']);

export class ResponsesReader {
  outcome: StreamOutcome = 'open';
  readonly #sink: ResponsesSink;
  #begun = false;
  #open: OpenItem | null = null;
  readonly #waiting = new Map<number, Waiting>();
  #waitingChars = 0;
  readonly #done = new Set<number>();

  constructor(sink: ResponsesSink) {
    this.#sink = sink;
  }

  get heldChars(): number {
    return this.#waitingChars + this.#done.size * ENTRY_CHARS + (this.#open?.chars ?? 0);
  }

  event(name: string, data: JsonObject): void {
    if (this.outcome !== 'open') return;
    const type = asString(data['type']) ?? name;
    if (type === 'error' || asObject(data['error']) !== null) return this.#fail(asObject(data['error']) ?? data);
    if (!type.startsWith('response.')) return;
    this.#begin(asObject(data['response']) ?? {});
    if (TERMINAL.has(type)) return this.#terminal(type, asObject(data['response']) ?? {});
    const index = asNumber(data['output_index']);
    if (index !== null) this.#ofItem(index, { type, data });
  }

  #begin(response: JsonObject): void {
    if (this.#begun) return;
    this.#begun = true;
    this.#sink.begin(response);
  }

  #fail(error: JsonObject): void {
    this.outcome = 'failed';
    this.#forget();
    this.#sink.fail(error);
  }

  #forget(): void {
    this.#open = null;
    this.#waiting.clear();
    this.#waitingChars = 0;
    this.#done.clear();
  }

  #terminal(type: string, response: JsonObject): void {
    if (type === 'response.failed') return this.#fail(asObject(response['error']) ?? {});
    const output = asArray(response['output']) ?? [];
    this.#closeOpen(output);
    for (const index of [...this.#waiting.keys()].sort((a, b) => a - b)) {
      this.#replay(index);
      this.#closeOpen(output);
    }
    for (let i = 0; i < output.length; i++) this.#wholeItem(i, asObject(output[i]));
    this.outcome = 'whole';
    this.#forget();
    this.#sink.finish(response);
  }

  /** The open item ends without having been done: the last event has it whole, if anything has. */
  #closeOpen(output: readonly unknown[]): void {
    const open = this.#open;
    if (open === null) return;
    const final = asObject(output[open.index]);
    this.#itemDone(open, final !== null && final['type'] === open.item['type'] ? final : open.item);
  }

  /** An item that only the last event tells. */
  #wholeItem(index: number, item: JsonObject | null): void {
    if (item === null || this.#done.has(index)) return;
    this.#itemDone(this.#start(index, item), item);
  }

  #ofItem(index: number, event: ItemEvent): void {
    if (this.#done.has(index)) return;
    if (this.#open !== null && this.#open.index !== index) return this.#wait(index, event);
    this.#item(index, event);
    this.#replayNext();
  }

  #wait(index: number, event: ItemEvent): void {
    const waiting = this.#waiting.get(index) ?? { events: [], chars: 0 };
    const chars = ENTRY_CHARS + jsonChars(event.data);
    waiting.events.push(event);
    waiting.chars += chars;
    this.#waitingChars += chars;
    this.#waiting.set(index, waiting);
  }

  #replayNext(): void {
    while (this.#open === null && this.#waiting.size > 0) {
      let next = Number.POSITIVE_INFINITY;
      for (const index of this.#waiting.keys()) if (index < next) next = index;
      this.#replay(next);
    }
  }

  #replay(index: number): void {
    const waiting = this.#waiting.get(index);
    if (waiting === undefined) return;
    this.#waiting.delete(index);
    this.#waitingChars -= waiting.chars;
    for (const event of waiting.events) if (!this.#done.has(index)) this.#item(index, event);
  }

  #item(index: number, { type, data }: ItemEvent): void {
    const item = asObject(data['item']);
    if (type === 'response.output_item.added') {
      if (item !== null && this.#open === null) this.#start(index, item);
    } else if (type === 'response.output_item.done') {
      if (item !== null) this.#itemDone(this.#open ?? this.#start(index, item), item);
    } else if (this.#open !== null) this.#piece(this.#open, type, data);
  }

  #start(index: number, item: JsonObject): OpenItem {
    const chars = jsonChars(item);
    const open: OpenItem = { index, item, told: new Map(), annotated: new Set(), part: '', chars };
    this.#open = open;
    if (isCall(item)) this.#sink.openCall(item);
    return open;
  }

  #piece(open: OpenItem, type: string, data: JsonObject): void {
    const at = asNumber(data['content_index']) ?? 0;
    const delta = asString(data['delta']) ?? '';
    switch (type) {
      case 'response.output_text.delta':
        return this.#text(open, `text${at}`, delta, asArray(data['logprobs']) ?? []);
      case 'response.output_text.done':
        return this.#textRest(open, `text${at}`, asString(data['text']) ?? '', asArray(data['logprobs']) ?? []);
      case 'response.output_text.annotation.added':
        return this.#annotation(open, `${at}.${asNumber(data['annotation_index']) ?? 0}`, asObject(data['annotation']));
      case 'response.refusal.delta':
        return this.#refusal(open, `refusal${at}`, delta);
      case 'response.refusal.done':
        return this.#refusalRest(open, `refusal${at}`, asString(data['refusal']) ?? '');
      case 'response.reasoning_summary_text.delta':
        return this.#summary(open, asNumber(data['summary_index']) ?? 0, delta);
      case 'response.reasoning_text.delta':
        return this.#summary(open, at, delta);
      case 'response.function_call_arguments.delta':
      case 'response.custom_tool_call_input.delta':
        return this.#call(open, delta);
      case 'response.function_call_arguments.done':
        return this.#callRest(open, asString(data['arguments']) ?? '');
      case 'response.custom_tool_call_input.done':
        return this.#callRest(open, asString(data['input']) ?? '');
    }
  }

  #itemDone(open: OpenItem, item: JsonObject): void {
    if (item['type'] === 'message') this.#messageRest(open, item);
    else if (item['type'] === 'reasoning') this.#reasoningRest(open, item);
    else if (isCall(item)) this.#callRest(open, asString(item['arguments']) ?? asString(item['input']) ?? '');
    this.#open = null;
    this.#done.add(open.index);
    this.#sink.itemEnd(item);
  }

  #messageRest(open: OpenItem, item: JsonObject): void {
    const parts = asArray(item['content']) ?? [];
    for (let i = 0; i < parts.length; i++) {
      const part = asObject(parts[i]);
      if (part?.['type'] === 'refusal') this.#refusalRest(open, `refusal${i}`, asString(part['refusal']) ?? '');
      if (part?.['type'] !== 'output_text') continue;
      this.#textRest(open, `text${i}`, asString(part['text']) ?? '', asArray(part['logprobs']) ?? []);
      for (const [j, annotation] of (asArray(part['annotations']) ?? []).entries()) {
        this.#annotation(open, `${i}.${j}`, asObject(annotation));
      }
    }
  }

  #reasoningRest(open: OpenItem, item: JsonObject): void {
    if (open.told.size > 0) return;
    const text = summaryText(item);
    if (text !== '') this.#summary(open, 0, text);
  }

  #text(open: OpenItem, part: string, delta: string, logprobs: readonly unknown[]): void {
    if (!this.#tell(open, part, delta)) return;
    this.#moveTo(open, part);
    this.#sink.text(delta, logprobs);
  }

  #textRest(open: OpenItem, part: string, whole: string, logprobs: readonly unknown[]): void {
    // Log probabilities come with deltas; they are told here only where there were none.
    const rest = restOf(open, part, whole);
    this.#text(open, part, rest, rest === whole ? logprobs : []);
  }

  #refusal(open: OpenItem, part: string, delta: string): void {
    if (!this.#tell(open, part, delta)) return;
    this.#moveTo(open, part);
    this.#sink.refusal(delta);
  }

  #refusalRest(open: OpenItem, part: string, whole: string): void {
    this.#refusal(open, part, restOf(open, part, whole));
  }

  #moveTo(open: OpenItem, part: string): void {
    if (open.part !== '' && open.part !== part) this.#sink.partEnd();
    open.part = part;
  }

  #annotation(open: OpenItem, key: string, annotation: JsonObject | null): void {
    if (annotation === null || open.annotated.has(key)) return;
    open.annotated.add(key);
    open.chars += ENTRY_CHARS;
    this.#sink.annotation(annotation);
  }

  /** Parts of a summary are paragraphs of one text. */
  #summary(open: OpenItem, at: number, delta: string): void {
    const isNextPart = !open.told.has(`summary${at}`) && open.told.size > 0;
    if (this.#tell(open, `summary${at}`, delta)) this.#sink.reasoning(isNextPart ? `\n\n${delta}` : delta);
  }

  #call(open: OpenItem, delta: string): void {
    if (isCall(open.item) && this.#tell(open, 'call', delta)) this.#sink.callDelta(delta);
  }

  #callRest(open: OpenItem, whole: string): void {
    this.#call(open, restOf(open, 'call', whole));
  }

  #tell(open: OpenItem, part: string, delta: string): boolean {
    if (delta === '') return false;
    const told = open.told.get(part);
    if (told === undefined) open.chars += ENTRY_CHARS;
    open.told.set(part, (told ?? 0) + delta.length);
    return true;
  }
}

function restOf(open: OpenItem, part: string, whole: string): string {
  return whole.slice(open.told.get(part) ?? 0);
}

export function isCall(item: JsonObject): boolean {
  return item['type'] === 'function_call' || item['type'] === 'custom_tool_call';
}
