/**
 * A Messages stream as a Chat Completions stream. Never throws. One per answer.
 *
 *   Messages                                       Chat chunks
 *   message_start                                  delta: { role: assistant, content: "" }
 *   text_delta                                     delta.content
 *   thinking_delta                                 delta.reasoning_content
 *   content_block_start of a tool_use              delta.tool_calls: { index, id, type, function: { name, arguments: "" } }
 *   input_json_delta                               delta.tool_calls: { index, function: { arguments } }
 *   content_block_stop without any                 the input it started with, at least {}
 *   message_delta                                  kept for the end; usage is cumulative, what is not null replaces
 *   error                                          { error }; nothing follows
 *   end, after message_stop                        finish chunk, usage chunk when it was asked for, [DONE]
 *   end without                                    nothing: such an answer is not whole
 *
 * Pings, signatures, citations, blocks of tools that ran at the upstream and everything unknown pass by.
 */
import type { AnswerContext, JsonObject, StreamConverter, StreamOutcome } from './crossing.ts';
import { IN_STREAM, openAiErrorBody, openAiOfMessages } from './error-kinds.ts';
import { asNumber, asObject, asString, writeJson } from './json.ts';
import { jsonChars } from './json-chars.ts';
import { KeptUsage, USAGE_OF_MESSAGES } from './kept-usage.ts';
import { chatTier, chatUsage, finishReason } from './messages-chat-terms.ts';
import { refusalOf } from './messages-to-chat-answer.ts';
import { dataEvent } from './sse-text.ts';

/** More open calls than this are no answer of a model; further ones are left out. */
const OPEN_CALLS_MAX = 512;

interface OpenCall {
  readonly index: number;
  readonly input: JsonObject | null;
  readonly inputChars: number;
  wrote: boolean;
}

type State = 'before' | 'streaming' | 'stopped' | 'over';

export class MessagesToChatStream implements StreamConverter {
  outcome: StreamOutcome = 'open';
  readonly #context: AnswerContext;
  readonly #openCalls = new Map<number, OpenCall>();
  #callChars = 0;
  readonly #usage = new KeptUsage(USAGE_OF_MESSAGES);
  #state: State = 'before';
  /** Every chunk up to its choices, and what follows a delta: the same text for the whole stream. */
  #head = '';
  readonly #tail: string;
  #callCount = 0;
  #stopReason: string | null = null;
  #refusal: string | null = null;

  constructor(context: AnswerContext) {
    this.#context = context;
    this.#tail = `,"logprobs":null,"finish_reason":null}]${context.includeUsage ? ',"usage":null' : ''}}\n\n`;
  }

  event(name: string, data: JsonObject): string {
    if (this.#state === 'over' || this.#state === 'stopped') return '';
    const type = asString(data['type']) ?? name;
    switch (type) {
      case 'content_block_delta':
        return this.#begun() + this.#blockDelta(data, asObject(data['delta']));
      case 'content_block_start':
        return this.#begun() + this.#blockStart(data, asObject(data['content_block']));
      case 'content_block_stop':
        return this.#blockStop(asNumber(data['index']) ?? 0);
      case 'message_start':
        return this.#start(asObject(data['message']));
      case 'message_delta':
        this.#messageDelta(data);
        return '';
      case 'message_stop':
        if (this.#state === 'streaming') this.#state = 'stopped';
        return '';
      case 'error':
        this.#state = 'over';
        this.outcome = 'failed';
        this.#openCalls.clear();
        return dataEvent(openAiErrorBody(openAiOfMessages(IN_STREAM, data)));
      default:
        return '';
    }
  }

  end(): string {
    if (this.#state !== 'stopped') return '';
    this.#state = 'over';
    this.outcome = 'whole';
    const refusal = this.#refusal === null ? '' : this.#delta(`{"refusal":${JSON.stringify(this.#refusal)}}`);
    const finish = `"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"${finishReason(this.#stopReason)}"}]`;
    if (!this.#context.includeUsage) return `${refusal}${this.#head}${finish}}\n\ndata: [DONE]\n\n`;
    const usage = JSON.stringify(chatUsage(this.#usage.fields));
    return `${refusal}${this.#head}${finish},"usage":null}\n\n${this.#head}"choices":[],"usage":${usage}}\n\ndata: [DONE]\n\n`;
  }

  get heldChars(): number {
    if (this.#state === 'over') return 0;
    return this.#head.length + this.#usage.heldChars + this.#callChars + (this.#refusal?.length ?? 0);
  }

  #start(message: JsonObject | null): string {
    if (this.#state !== 'before') return '';
    this.#state = 'streaming';
    const usage = asObject(message?.['usage']);
    const tier = chatTier(usage?.['service_tier']);
    this.#usage.add(usage);
    const id = asString(message?.['id']) || `chatcmpl-${this.#context.requestId}`;
    const head = {
      id,
      object: 'chat.completion.chunk',
      created: this.#context.createdAtSeconds,
      model: this.#context.model,
      ...(tier === null ? {} : { service_tier: tier }),
    };
    this.#head = `data: ${JSON.stringify(head).slice(0, -1)},`;
    return this.#delta('{"role":"assistant","content":""}');
  }

  /** An upstream that leaves out `message_start` gets one. */
  #begun(): string {
    return this.#state === 'before' ? this.#start(null) : '';
  }

  #delta(delta: string): string {
    return `${this.#head}"choices":[{"index":0,"delta":${delta}${this.#tail}`;
  }

  #blockStart(data: JsonObject, block: JsonObject | null): string {
    switch (block?.['type']) {
      case 'text':
        return this.#text('content', block['text']);
      case 'thinking':
        return this.#text('reasoning_content', block['thinking']);
      case 'tool_use':
        return this.#toolStart(asNumber(data['index']) ?? 0, block);
      default:
        return '';
    }
  }

  #toolStart(blockIndex: number, block: JsonObject): string {
    if (this.#openCalls.size >= OPEN_CALLS_MAX) return '';
    const index = this.#callCount++;
    const input = asObject(block['input']);
    const inputChars = jsonChars(input);
    this.#callChars += inputChars - (this.#openCalls.get(blockIndex)?.inputChars ?? 0);
    this.#openCalls.set(blockIndex, { index, input, inputChars, wrote: false });
    const id = asString(block['id']) || `call_${this.#context.requestId}_${index}`;
    const name = asString(block['name']) ?? '';
    const call = { index, id, type: 'function', function: { name, arguments: '' } };
    return this.#delta(`{"tool_calls":[${JSON.stringify(call)}]}`);
  }

  #blockDelta(data: JsonObject, delta: JsonObject | null): string {
    switch (delta?.['type']) {
      case 'text_delta':
        return this.#text('content', delta['text']);
      case 'thinking_delta':
        return this.#text('reasoning_content', delta['thinking']);
      case 'input_json_delta':
        return this.#arguments(asNumber(data['index']) ?? 0, asString(delta['partial_json']) ?? '');
      default:
        return '';
    }
  }

  #text(field: string, value: unknown): string {
    const text = asString(value) ?? '';
    return text === '' ? '' : this.#delta(`{"${field}":${JSON.stringify(text)}}`);
  }

  #arguments(blockIndex: number, text: string): string {
    const call = this.#openCalls.get(blockIndex);
    if (call === undefined || text === '') return '';
    call.wrote = true;
    return this.#delta(`{"tool_calls":[{"index":${call.index},"function":{"arguments":${JSON.stringify(text)}}}]}`);
  }

  #blockStop(blockIndex: number): string {
    const call = this.#openCalls.get(blockIndex);
    if (call === undefined) return '';
    const out = call.wrote ? '' : this.#arguments(blockIndex, writeJson(call.input ?? {}) ?? '{}');
    this.#callChars -= call.inputChars;
    this.#openCalls.delete(blockIndex);
    return out;
  }

  #messageDelta(data: JsonObject): void {
    const delta = asObject(data['delta']);
    this.#stopReason = asString(delta?.['stop_reason']) ?? this.#stopReason;
    this.#refusal = refusalOf(this.#stopReason, delta);
    this.#usage.add(data['usage']);
  }
}
