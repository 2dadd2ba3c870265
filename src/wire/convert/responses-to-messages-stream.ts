/**
 * A stream of a Responses upstream as a Messages stream. Pure; one object a stream.
 *
 *   created                     → message_start; what the request took is known at the end only, so its usage is zeros
 *   items, one after the other  → content_block_start, _delta, _stop          blocks as in `responses-to-messages-answer.ts`
 *   completed, incomplete       → message_delta with the stop reason and the whole usage, message_stop
 *   failed, error               → error
 */
import { UNSIGNED } from './carried-thinking.ts';
import type { AnswerContext, JsonObject, StreamConverter, StreamOutcome } from './crossing.ts';
import { IN_STREAM, messagesOfOpenAi } from './error-kinds.ts';
import { asString } from './json.ts';
import { KeptText } from './kept-text.ts';
import { ResponsesReader, type ResponsesSink } from './responses-reader.ts';
import { citationOf, SeenItems, searchBlocks, stopReasonOf, toolUse, usageOf } from './responses-to-messages-answer.ts';
import { namedEvent } from './sse-text.ts';

type Open = 'none' | 'text' | 'thinking' | 'tool_use';

export class ResponsesToMessagesStream implements StreamConverter, ResponsesSink {
  readonly #context: AnswerContext;
  readonly #reader: ResponsesReader;
  readonly #seen = new SeenItems();
  #out = '';
  #blocks = 0;
  #open: Open = 'none';
  /** What the open text says, for what cites it. */
  readonly #text = new KeptText();
  /** The open call is of a free-form tool, whose input is no JSON: it is told whole. */
  #freeform: KeptText | null = null;

  constructor(context: AnswerContext) {
    this.#context = context;
    this.#reader = new ResponsesReader(this);
  }

  get outcome(): StreamOutcome {
    return this.#reader.outcome;
  }

  event(name: string, data: JsonObject): string {
    this.#reader.event(name, data);
    const out = this.#out;
    this.#out = '';
    return out;
  }

  end(): string {
    return '';
  }

  get heldChars(): number {
    return this.#reader.heldChars + this.#text.length + (this.#freeform?.length ?? 0);
  }

  begin(response: JsonObject): void {
    const { requestId, model } = this.#context;
    const id = asString(response['id']) ?? `msg_${requestId}`;
    const usage = usageOf({ service_tier: response['service_tier'] }, this.#seen);
    const message = {
      id,
      type: 'message',
      role: 'assistant',
      model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
    };
    this.#say('message_start', { message: { ...message, usage } });
  }

  text(delta: string): void {
    this.#sayText(delta);
  }

  refusal(delta: string): void {
    this.#sayText(delta);
  }

  partEnd(): void {
    this.#close();
  }

  annotation(annotation: JsonObject): void {
    const citation = this.#open === 'text' ? citationOf(annotation, this.#text.text) : null;
    if (citation !== null) this.#delta({ type: 'citations_delta', citation });
  }

  reasoning(delta: string): void {
    if (this.#open !== 'thinking') this.#start('thinking', { type: 'thinking', thinking: '', signature: '' });
    this.#delta({ type: 'thinking_delta', thinking: delta });
  }

  openCall(item: JsonObject): void {
    this.#freeform = item['type'] === 'custom_tool_call' ? new KeptText() : null;
    this.#start('tool_use', { ...toolUse(item, this.#context, this.#blocks), input: {} });
  }

  callDelta(delta: string): void {
    if (this.#freeform !== null) this.#freeform.add(delta);
    else this.#delta({ type: 'input_json_delta', partial_json: delta });
  }

  itemEnd(item: JsonObject): void {
    this.#seen.add(item);
    if (this.#freeform !== null) {
      this.#delta({ type: 'input_json_delta', partial_json: JSON.stringify({ input: this.#freeform.text }) });
    }
    this.#freeform = null;
    this.#close();
    if (item['type'] !== 'web_search_call') return;
    for (const block of searchBlocks(item, this.#context, this.#blocks)) {
      this.#start('none', block);
      this.#say('content_block_stop', { index: this.#blocks++ });
    }
  }

  finish(response: JsonObject): void {
    this.#close();
    const delta = { stop_reason: stopReasonOf(response, this.#seen), stop_sequence: null };
    this.#say('message_delta', { delta, usage: usageOf(response, this.#seen) });
    this.#say('message_stop', {});
    this.#forget();
  }

  fail(error: JsonObject): void {
    this.#out += namedEvent('error', messagesOfOpenAi(IN_STREAM, error, this.#context.requestId));
    this.#forget();
  }

  #forget(): void {
    this.#text.clear();
    this.#freeform = null;
  }

  #sayText(delta: string): void {
    if (this.#open !== 'text') this.#start('text', { type: 'text', text: '', citations: null });
    this.#text.add(delta);
    this.#delta({ type: 'text_delta', text: delta });
  }

  #start(open: Open, block: JsonObject): void {
    this.#close();
    this.#open = open;
    this.#text.clear();
    this.#say('content_block_start', { index: this.#blocks, content_block: block });
  }

  #delta(delta: JsonObject): void {
    this.#out += namedEvent('content_block_delta', { type: 'content_block_delta', index: this.#blocks, delta });
  }

  #close(): void {
    if (this.#open === 'none') return;
    if (this.#open === 'thinking') this.#delta({ type: 'signature_delta', signature: UNSIGNED });
    this.#open = 'none';
    this.#say('content_block_stop', { index: this.#blocks++ });
  }

  #say(type: string, fields: JsonObject): void {
    this.#out += namedEvent(type, { type, ...fields });
  }
}
