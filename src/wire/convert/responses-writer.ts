/**
 * Writes a Responses stream, event by event, and keeps the answer that its last event repeats whole. Pure; one object a stream.
 *
 *   stream  = created in_progress *item ( completed | incomplete | error )        every event is "response." + its name, but `error`
 *   item    = output_item.added *part output_item.done
 *   part    = content_part.added *( output_text.delta | refusal.delta ) output_text.done | refusal.done  content_part.done
 *           | reasoning_summary_part.added *reasoning_summary_text.delta reasoning_summary_text.done reasoning_summary_part.done
 *           | *function_call_arguments.delta function_call_arguments.done
 *           | *custom_tool_call_input.delta custom_tool_call_input.done
 *
 * Each event has `sequence_number`; those of items `output_index` and `item_id`, those of parts `content_index` or `summary_index`.
 * A message, a reasoning item and any number of calls may be open at once; what closes an item is the caller's affair, what is still
 * open at the end is closed there. What it has to say is taken with `take`.
 * Source: platform.openai.com/docs/api-reference/responses-streaming.
 */
import type { AnswerContext, JsonObject, StreamOutcome } from './crossing.ts';
import { jsonChars } from './json-chars.ts';
import { KeptText } from './kept-text.ts';
import {
  callIdKind,
  callItem,
  type IncompleteReason,
  itemId,
  messageItem,
  type ResponsesTokens,
  reasoningItem,
  refusalPart,
  responseObject,
  summaryPart,
  type ToolCall,
  textPart,
} from './responses-object.ts';
import { namedEvent } from './sse-text.ts';

interface OpenMessage {
  readonly id: string;
  readonly index: number;
  readonly parts: JsonObject[];
  /** What the open part is of; null: no part is open. */
  partType: 'output_text' | 'refusal' | null;
  text: KeptText;
  annotations: JsonObject[];
  logprobs: unknown[];
}

interface OpenReasoning {
  readonly id: string;
  readonly index: number;
  readonly text: KeptText;
}

interface OpenCall extends Omit<ToolCall, 'text'> {
  readonly id: string;
  readonly index: number;
  readonly text: KeptText;
}

/** What an item or a part of one takes beside its texts. */
const ITEM_CHARS = 256;

export interface ResponseEnd {
  readonly incompleteReason: IncompleteReason;
  readonly tokens: ResponsesTokens;
  readonly serviceTier: string | null;
}

export class ResponsesWriter {
  outcome: StreamOutcome = 'open';
  readonly #context: AnswerContext;
  #out = '';
  #sequence = 0;
  #id = '';
  #heldChars = 0;
  readonly #output: JsonObject[] = [];
  #message: OpenMessage | null = null;
  #reasoning: OpenReasoning | null = null;
  readonly #calls = new Map<number, OpenCall>();

  constructor(context: AnswerContext) {
    this.#context = context;
  }

  /** About how many characters are kept for the last event. */
  get heldChars(): number {
    return this.#heldChars;
  }

  /** What has been said since the last call. */
  take(): string {
    const out = this.#out;
    this.#out = '';
    return out;
  }

  /** Says the beginning, once. `id` null: the upstream gave none. */
  begin(id: string | null): void {
    if (this.#id !== '') return;
    this.#id = id ?? `resp_${this.#context.requestId}`;
    this.#heldChars += this.#id.length;
    this.#say('response.created', { response: this.#response('in_progress', null) });
    this.#say('response.in_progress', { response: this.#response('in_progress', null) });
  }

  text(delta: string, logprobs: readonly unknown[] = []): void {
    const message = this.#openPart('output_text');
    if (delta === '') return;
    this.#keep(message.text, delta);
    for (const logprob of logprobs) {
      message.logprobs.push(logprob);
      this.#heldChars += jsonChars(logprob);
    }
    this.#out += namedEvent('response.output_text.delta', {
      type: 'response.output_text.delta',
      sequence_number: this.#sequence++,
      item_id: message.id,
      output_index: message.index,
      content_index: message.parts.length,
      delta,
      logprobs,
    });
  }

  refusal(delta: string): void {
    const message = this.#openPart('refusal');
    if (delta === '') return;
    this.#keep(message.text, delta);
    this.#sayOfPart('response.refusal.delta', message, { delta });
  }

  /** Marks what the open text cites; without an open text it says nothing. */
  annotate(annotation: JsonObject): void {
    const message = this.#message;
    if (message?.partType !== 'output_text') return;
    this.#heldChars += jsonChars(annotation);
    const annotationIndex = message.annotations.push(annotation) - 1;
    const fields = { annotation_index: annotationIndex, annotation };
    this.#sayOfPart('response.output_text.annotation.added', message, fields);
  }

  closePart(): void {
    const message = this.#message;
    if (message === null || message.partType === null) return;
    const isText = message.partType === 'output_text';
    const { annotations, logprobs } = message;
    const { text } = message.text;
    const part = isText ? textPart(text, annotations, logprobs) : refusalPart(text);
    if (isText) this.#sayOfPart('response.output_text.done', message, { text, logprobs });
    else this.#sayOfPart('response.refusal.done', message, { refusal: text });
    this.#sayOfPart('response.content_part.done', message, { part });
    message.parts.push(part);
    message.partType = null;
  }

  closeMessage(status = 'completed'): void {
    this.closePart();
    const message = this.#message;
    if (message === null) return;
    this.#message = null;
    this.#itemDone(message.index, messageItem(message.id, status, message.parts));
  }

  reasoning(delta: string): void {
    const reasoning = this.#openReasoning();
    if (delta === '') return;
    const at = { item_id: reasoning.id, output_index: reasoning.index, summary_index: 0 };
    if (reasoning.text.length === 0)
      this.#say('response.reasoning_summary_part.added', { ...at, part: summaryPart('') });
    this.#keep(reasoning.text, delta);
    this.#say('response.reasoning_summary_text.delta', { ...at, delta });
  }

  /** `encrypted`: what the client has to bring along with its next request; null: nothing. */
  closeReasoning(encrypted: string | null): void {
    if (encrypted !== null) this.#openReasoning();
    const reasoning = this.#reasoning;
    if (reasoning === null) return;
    this.#reasoning = null;
    this.#heldChars += encrypted?.length ?? 0;
    const { id, index } = reasoning;
    const { text } = reasoning.text;
    if (text !== '') {
      const at = { item_id: id, output_index: index, summary_index: 0 };
      this.#say('response.reasoning_summary_text.done', { ...at, text });
      this.#say('response.reasoning_summary_part.done', { ...at, part: summaryPart(text) });
    }
    this.#itemDone(index, reasoningItem(id, text, encrypted));
  }

  /** Opens a call; `key` is the upstream's own number of it, by which its pieces are told apart. */
  openCall(key: number, call: Omit<ToolCall, 'text'>): void {
    if (this.#calls.has(key)) return;
    const index = this.#nextIndex();
    const id = itemId(callIdKind(call.freeform), this.#context, index);
    this.#heldChars += call.callId.length + call.name.length + (call.namespace?.length ?? 0);
    this.#calls.set(key, { ...call, id, index, text: new KeptText() });
    this.#itemAdded(index, callItem(id, 'in_progress', { ...call, text: '' }));
  }

  /** A piece of a call's arguments or input; one of a call that is not open is left out. */
  callDelta(key: number, delta: string): void {
    const call = this.#calls.get(key);
    if (call === undefined || delta === '') return;
    this.#keep(call.text, delta);
    const type = call.freeform ? 'response.custom_tool_call_input.delta' : 'response.function_call_arguments.delta';
    this.#out += namedEvent(type, {
      type,
      sequence_number: this.#sequence++,
      item_id: call.id,
      output_index: call.index,
      delta,
    });
  }

  closeCall(key: number, status = 'completed'): void {
    const call = this.#calls.get(key);
    if (call === undefined) return;
    this.#calls.delete(key);
    const at = { item_id: call.id, output_index: call.index };
    const { text } = call.text;
    if (call.freeform) this.#say('response.custom_tool_call_input.done', { ...at, input: text });
    else this.#say('response.function_call_arguments.done', { ...at, arguments: text });
    this.#itemDone(call.index, callItem(call.id, status, { ...call, text }));
  }

  /** An item that comes as a whole; `kind` is the prefix of its id. */
  wholeItem(kind: string, fields: JsonObject): void {
    const index = this.#nextIndex();
    const item = { id: itemId(kind, this.#context, index), ...fields };
    this.#heldChars += jsonChars(fields);
    this.#itemAdded(index, item);
    this.#itemDone(index, item);
  }

  /** The last event; whatever is still open is closed before it. */
  end(end: ResponseEnd): void {
    if (this.outcome !== 'open') return;
    this.begin(null);
    const status = end.incompleteReason === null ? 'completed' : 'incomplete';
    this.closeReasoning(null);
    this.closeMessage(status);
    for (const key of [...this.#calls.keys()]) this.closeCall(key, status);
    this.outcome = 'whole';
    this.#say(`response.${status}`, { response: this.#response(status, end) });
    this.#forget();
  }

  /** An error instead of an end. */
  fail(code: string, message: string): void {
    if (this.outcome !== 'open') return;
    this.outcome = 'failed';
    this.#say('error', { code, message, param: null });
    this.#forget();
  }

  #forget(): void {
    this.#output.length = 0;
    this.#message = null;
    this.#reasoning = null;
    this.#calls.clear();
    this.#heldChars = 0;
  }

  #keep(kept: KeptText, delta: string): void {
    kept.add(delta);
    this.#heldChars += delta.length;
  }

  #openPart(type: 'output_text' | 'refusal'): OpenMessage {
    this.begin(null);
    this.#message ??= this.#openMessage();
    const message = this.#message;
    if (message.partType === type) return message;
    this.closePart();
    this.#heldChars += ITEM_CHARS;
    message.partType = type;
    message.text = new KeptText();
    message.annotations = [];
    message.logprobs = [];
    const part = type === 'output_text' ? textPart('', [], []) : refusalPart('');
    this.#sayOfPart('response.content_part.added', message, { part });
    return message;
  }

  #openMessage(): OpenMessage {
    const index = this.#nextIndex();
    const id = itemId('msg', this.#context, index);
    this.#itemAdded(index, messageItem(id, 'in_progress', []));
    return { id, index, parts: [], partType: null, text: new KeptText(), annotations: [], logprobs: [] };
  }

  #openReasoning(): OpenReasoning {
    if (this.#reasoning !== null) return this.#reasoning;
    this.begin(null);
    const index = this.#nextIndex();
    const id = itemId('rs', this.#context, index);
    this.#reasoning = { id, index, text: new KeptText() };
    this.#itemAdded(index, reasoningItem(id, '', null));
    return this.#reasoning;
  }

  /** Takes the next place in the output; what stands there until it is done is never shown. */
  #nextIndex(): number {
    this.begin(null);
    this.#heldChars += ITEM_CHARS;
    return this.#output.push({}) - 1;
  }

  #itemAdded(index: number, item: JsonObject): void {
    this.#say('response.output_item.added', { output_index: index, item });
  }

  #itemDone(index: number, item: JsonObject): void {
    this.#output[index] = item;
    this.#say('response.output_item.done', { output_index: index, item });
  }

  #response(status: 'in_progress' | 'completed' | 'incomplete', end: ResponseEnd | null): JsonObject {
    return responseObject(this.#context, {
      id: this.#id,
      status,
      incompleteReason: end?.incompleteReason ?? null,
      output: this.#output,
      tokens: end?.tokens ?? null,
      serviceTier: end?.serviceTier ?? null,
    });
  }

  #sayOfPart(type: string, message: OpenMessage, fields: JsonObject): void {
    const at = { item_id: message.id, output_index: message.index, content_index: message.parts.length };
    this.#say(type, { ...at, ...fields });
  }

  #say(type: string, fields: JsonObject): void {
    this.#out += namedEvent(type, { type, sequence_number: this.#sequence++, ...fields });
  }
}
