/**
 * A stream of a Gemini upstream for a Chat client. One object a stream; pure.
 *
 *   Gemini  *chunk                                       parts as in `gemini-to-chat-answer.ts`
 *   Chat    role *( content | reasoning_content | tool_calls[0] ) finish_reason [ usage ] [DONE]
 *
 * A functionCall comes whole, so its tool_calls chunk holds all its arguments. finish_reason and usage wait for `end`: usage may come
 * behind finishReason. Without a finishReason nothing is said at the end.
 */
import type { AnswerContext, JsonObject, StreamConverter, StreamOutcome } from './crossing.ts';
import { chatFinishReason, finishReasonOf } from './gemini-endings.ts';
import { chatErrorOfGemini } from './gemini-errors.ts';
import { asFields } from './gemini-fields.ts';
import { chatId, chatToolCall } from './gemini-to-chat-answer.ts';
import { partsOf } from './gemini-to-messages-answer.ts';
import { chatUsage } from './gemini-usage.ts';
import { asObject, asString } from './json.ts';
import { KeptUsage, USAGE_OF_GEMINI } from './kept-usage.ts';
import { dataEvent } from './sse-text.ts';

const DONE = 'data: [DONE]\n\n';

export class GeminiToChatStream implements StreamConverter {
  outcome: StreamOutcome = 'open';
  readonly #context: AnswerContext;
  #id: string;
  #started = false;
  #calls = 0;
  #finishReason: string | null = null;
  readonly #usage = new KeptUsage(USAGE_OF_GEMINI);

  constructor(context: AnswerContext) {
    this.#context = context;
    this.#id = chatId({}, context);
  }

  event(_name: string, data: JsonObject): string {
    if (this.outcome !== 'open') return '';
    if (asObject(data['error']) !== null) {
      this.outcome = 'failed';
      return dataEvent(chatErrorOfGemini(0, data));
    }
    this.#usage.add(data['usageMetadata']);
    this.#finishReason = finishReasonOf(data) ?? this.#finishReason;
    let text = '';
    if (!this.#started) {
      this.#started = true;
      this.#id = chatId(data, this.#context);
      text += this.#delta({ role: 'assistant', content: '' }, null);
    }
    for (const part of partsOf(data)) text += this.#part(part);
    return text;
  }

  end(): string {
    if (this.outcome !== 'open' || this.#finishReason === null) return '';
    this.outcome = 'whole';
    const ending = this.#delta({}, chatFinishReason(this.#finishReason, this.#calls > 0));
    return ending + (this.#context.includeUsage ? this.#chunk([], chatUsage(this.#usage.fields)) : '') + DONE;
  }

  get heldChars(): number {
    return this.outcome !== 'open' ? 0 : this.#id.length + this.#usage.heldChars;
  }

  #part(part: JsonObject): string {
    if (asFields(part['functionCall']) !== null) {
      const index = this.#calls++;
      return this.#delta({ tool_calls: [{ index, ...chatToolCall(part, index, this.#context) }] }, null);
    }
    const text = asString(part['text']) ?? '';
    if (text === '') return '';
    return this.#delta(part['thought'] === true ? { reasoning_content: text } : { content: text }, null);
  }

  #delta(delta: JsonObject, finishReason: string | null): string {
    return this.#chunk([{ index: 0, delta, logprobs: null, finish_reason: finishReason }], null);
  }

  #chunk(choices: readonly JsonObject[], usage: JsonObject | null): string {
    return dataEvent({
      id: this.#id,
      object: 'chat.completion.chunk',
      created: this.#context.createdAtSeconds,
      model: this.#context.model,
      choices,
      ...(this.#context.includeUsage && { usage }),
    });
  }
}
