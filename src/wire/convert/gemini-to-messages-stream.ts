/**
 * A stream of a Gemini upstream for a client of Messages. One object a stream; pure.
 *
 *   Gemini    *chunk                                                            chunks as in `gemini-to-messages-answer.ts`; the last one
 *                                                                               has finishReason, any may have usageMetadata
 *   Messages  message_start *( block ) message_delta message_stop
 *   block     content_block_start *content_block_delta content_block_stop
 *
 *   text and thought parts open a block or go on with the open one of their kind; a functionCall is a block of its own, whole.
 *
 * message_delta waits for `end`: usage may come behind finishReason. Without a finishReason nothing is said at the end.
 */
import { UNSIGNED } from './carried-thinking.ts';
import type { AnswerContext, JsonObject, StreamConverter, StreamOutcome } from './crossing.ts';
import { finishReasonOf, messagesStopReason } from './gemini-endings.ts';
import { messagesErrorOfGemini } from './gemini-errors.ts';
import { asFields } from './gemini-fields.ts';
import { signatureForMessages, signatureOf } from './gemini-signatures.ts';
import { messageId, partsOf, toolUseOf } from './gemini-to-messages-answer.ts';
import { messagesUsage } from './gemini-usage.ts';
import { asObject, asString } from './json.ts';
import { KeptUsage, USAGE_OF_GEMINI } from './kept-usage.ts';
import { namedEvent } from './sse-text.ts';

type OpenBlock = 'none' | 'text' | 'thinking';

export class GeminiToMessagesStream implements StreamConverter {
  outcome: StreamOutcome = 'open';
  readonly #context: AnswerContext;
  #text = '';
  #started = false;
  #open: OpenBlock = 'none';
  /** Blocks that have been opened. */
  #blocks = 0;
  #calls = 0;
  /** The open thinking has its signature. */
  #signed = false;
  #finishReason: string | null = null;
  readonly #usage = new KeptUsage(USAGE_OF_GEMINI);

  constructor(context: AnswerContext) {
    this.#context = context;
  }

  event(_name: string, data: JsonObject): string {
    if (this.outcome !== 'open') return '';
    if (asObject(data['error']) !== null) {
      this.outcome = 'failed';
      return namedEvent('error', messagesErrorOfGemini(0, data, this.#context.requestId));
    }
    this.#usage.add(data['usageMetadata']);
    if (!this.#started) this.#start(data);
    for (const part of partsOf(data)) this.#part(part);
    this.#finishReason = finishReasonOf(data) ?? this.#finishReason;
    return this.#taken();
  }

  end(): string {
    if (this.outcome !== 'open' || this.#finishReason === null) return '';
    this.outcome = 'whole';
    this.#close();
    const stopReason = messagesStopReason(this.#finishReason, this.#calls > 0);
    this.#say('message_delta', {
      delta: { stop_reason: stopReason, stop_sequence: null },
      usage: messagesUsage(this.#usage.fields),
    });
    this.#say('message_stop', {});
    return this.#taken();
  }

  get heldChars(): number {
    return this.outcome !== 'open' ? 0 : this.#usage.heldChars;
  }

  #start(chunk: JsonObject): void {
    this.#started = true;
    const message = {
      id: messageId(chunk, this.#context),
      type: 'message',
      role: 'assistant',
      model: this.#context.model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: messagesUsage(this.#usage.fields),
    };
    this.#say('message_start', { message });
  }

  #part(part: JsonObject): void {
    const functionCall = asFields(part['functionCall']);
    if (functionCall !== null) return this.#call(functionCall, signatureOf(part));
    const text = asString(part['text']) ?? '';
    if (text === '') return;
    if (part['thought'] === true) {
      if (this.#open !== 'thinking') this.#openBlock('thinking', { type: 'thinking', thinking: '', signature: '' });
      this.#delta({ type: 'thinking_delta', thinking: text });
    } else {
      if (this.#open !== 'text') this.#openBlock('text', { type: 'text', text: '' });
      this.#delta({ type: 'text_delta', text });
    }
  }

  #call(functionCall: JsonObject, signature: string): void {
    if (signature !== '') {
      if (this.#open !== 'thinking') this.#openBlock('thinking', { type: 'thinking', thinking: '', signature: '' });
      this.#delta({ type: 'signature_delta', signature: signatureForMessages(signature) });
      this.#signed = true;
    }
    const toolUse = toolUseOf(functionCall, this.#calls++, this.#context);
    this.#openBlock('none', { ...toolUse, input: {} });
    this.#delta({ type: 'input_json_delta', partial_json: JSON.stringify(toolUse['input']) });
    this.#say('content_block_stop', { index: this.#blocks - 1 });
  }

  /** `open`: the kind that later parts may go on with. */
  #openBlock(open: OpenBlock, block: JsonObject): void {
    this.#close();
    this.#open = open;
    this.#signed = false;
    this.#say('content_block_start', { index: this.#blocks++, content_block: block });
  }

  #close(): void {
    if (this.#open === 'none') return;
    if (this.#open === 'thinking' && !this.#signed) this.#delta({ type: 'signature_delta', signature: UNSIGNED });
    this.#open = 'none';
    this.#say('content_block_stop', { index: this.#blocks - 1 });
  }

  #delta(delta: JsonObject): void {
    this.#say('content_block_delta', { index: this.#blocks - 1, delta });
  }

  #say(type: string, data: JsonObject): void {
    this.#text += namedEvent(type, { type, ...data });
  }

  #taken(): string {
    const text = this.#text;
    this.#text = '';
    return text;
  }
}
