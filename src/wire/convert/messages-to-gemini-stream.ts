/**
 * A stream of a Messages upstream for a Gemini client. One object a stream; pure.
 *
 *   Messages  message_start *( block | ping ) message_delta message_stop      `error` anywhere
 *   Gemini    *chunk                                                          one with each piece of text or thinking, one with each whole
 *                                                                             functionCall, the last one with finishReason and usage
 *
 * The arguments of a call arrive as pieces of JSON text and are kept until their block ends; a call whose arguments are no object is
 * left out and the answer ends with MALFORMED_FUNCTION_CALL. The last chunk waits for message_stop: without it nothing is finished.
 */
import { isUnsigned } from './carried-thinking.ts';
import type { AnswerContext, JsonObject, StreamConverter, StreamOutcome } from './crossing.ts';
import { callArguments, type Ending, GOES_ON, geminiResponse, sseChunk } from './gemini-chunk.ts';
import { finishReasonOfMessages, MALFORMED_CALL } from './gemini-endings.ts';
import { geminiErrorOfMessages } from './gemini-errors.ts';
import { givenArguments } from './gemini-fields.ts';
import { redactedForGemini, signFirstCall, thinkingForGemini } from './gemini-signatures.ts';
import { usageOfMessages } from './gemini-usage.ts';
import { asObject, asString } from './json.ts';
import { jsonChars } from './json-chars.ts';
import { KeptText } from './kept-text.ts';
import { KeptUsage, USAGE_OF_MESSAGES } from './kept-usage.ts';
import { callOf } from './messages-to-gemini-answer.ts';

/** Arguments of one call; what is longer is taken for malformed. No client sends requests that long either. */
const ARGUMENTS_CHARS_MAX = 16 * 1024 * 1024;

export class MessagesToGeminiStream implements StreamConverter {
  outcome: StreamOutcome = 'open';
  readonly #context: AnswerContext;
  #id = '';
  /** The open tool_use block; null: none is open. */
  #toolUse: JsonObject | null = null;
  #toolUseChars = 0;
  readonly #arguments = new KeptText();
  #malformed = false;
  /** The first call has its signature. */
  #signed = false;
  #stopReason: unknown = null;
  readonly #usage = new KeptUsage(USAGE_OF_MESSAGES);
  #over = false;

  constructor(context: AnswerContext) {
    this.#context = context;
  }

  event(name: string, data: JsonObject): string {
    if (this.#over) return '';
    switch (asString(data['type']) ?? name) {
      case 'message_start':
        return this.#start(asObject(data['message']) ?? {});
      case 'content_block_start':
        return this.#openBlock(asObject(data['content_block']) ?? {});
      case 'content_block_delta':
        return this.#delta(asObject(data['delta']) ?? {});
      case 'content_block_stop':
        return this.#closeBlock();
      case 'message_delta':
        this.#stopReason = asObject(data['delta'])?.['stop_reason'] ?? this.#stopReason;
        this.#usage.add(data['usage']);
        return '';
      case 'message_stop':
        return this.#stop();
      case 'error':
        this.#over = true;
        this.outcome = 'failed';
        this.#toolUse = null;
        this.#arguments.clear();
        return sseChunk(geminiErrorOfMessages(0, data));
      default:
        return '';
    }
  }

  /** All has been said at message_stop. */
  end(): string {
    return '';
  }

  get heldChars(): number {
    if (this.#over) return 0;
    return this.#id.length + this.#usage.heldChars + this.#toolUseChars + this.#arguments.length;
  }

  #start(message: JsonObject): string {
    this.#id = asString(message['id']) ?? '';
    this.#usage.add(message['usage']);
    return '';
  }

  #openBlock(block: JsonObject): string {
    const before = this.#closeBlock();
    if (block['type'] === 'tool_use') {
      this.#toolUse = block;
      this.#toolUseChars = jsonChars(block);
      this.#arguments.clear();
      return before;
    }
    if (block['type'] === 'redacted_thinking') {
      const thoughtSignature = redactedForGemini(asString(block['data']) ?? '');
      return before + this.#part({ text: '', thought: true, thoughtSignature });
    }
    const text = block['type'] === 'text' ? (asString(block['text']) ?? '') : '';
    return before + (text === '' ? '' : this.#part({ text }));
  }

  #delta(delta: JsonObject): string {
    const text = asString(delta['text']) ?? '';
    const thinking = asString(delta['thinking']) ?? '';
    const signature = asString(delta['signature']) ?? '';
    if (delta['type'] === 'input_json_delta') this.#addArguments(asString(delta['partial_json']) ?? '');
    else if (delta['type'] === 'text_delta' && text !== '') return this.#part({ text });
    else if (delta['type'] === 'thinking_delta' && thinking !== '')
      return this.#part({ text: thinking, thought: true });
    else if (delta['type'] === 'signature_delta' && !isUnsigned(signature)) {
      return this.#part({ text: '', thought: true, thoughtSignature: thinkingForGemini(signature) });
    }
    return '';
  }

  #addArguments(text: string): void {
    if (this.#arguments.length + text.length > ARGUMENTS_CHARS_MAX) this.#malformed = true;
    else this.#arguments.add(text);
  }

  #closeBlock(): string {
    const toolUse = this.#toolUse;
    if (toolUse === null) return '';
    this.#toolUse = null;
    this.#toolUseChars = 0;
    // Some upstreams give the whole input at the start and no deltas.
    const args = this.#arguments.length === 0 ? givenArguments(toolUse['input']) : callArguments(this.#arguments.text);
    this.#arguments.clear();
    if (args !== null) return this.#call({ functionCall: callOf(toolUse, args) });
    this.#malformed = true;
    return '';
  }

  #stop(): string {
    const before = this.#closeBlock();
    this.#over = true;
    const reason = finishReasonOfMessages(this.#stopReason);
    if (reason === null) return before;
    this.outcome = 'whole';
    const finishReason = this.#malformed && reason === 'STOP' ? MALFORMED_CALL : reason;
    return before + this.#chunk([], { finishReason, usage: usageOfMessages(this.#usage.fields) });
  }

  #call(part: JsonObject): string {
    if (!this.#signed) signFirstCall([part]);
    this.#signed = true;
    return this.#part(part);
  }

  #part(part: JsonObject): string {
    return this.#chunk([part], GOES_ON);
  }

  #chunk(parts: readonly JsonObject[], ending: Ending): string {
    return sseChunk(geminiResponse(parts, ending, this.#id, this.#context));
  }
}
