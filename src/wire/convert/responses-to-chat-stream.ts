/**
 * A stream of a Responses upstream as a Chat stream. Pure; one object a stream.
 *
 *   created                → the first chunk, with the role
 *   items                  → chunks of content, refusal, reasoning_content, annotations, tool_calls   as `responses-to-chat-answer.ts`
 *   completed, incomplete  → the chunk with finish_reason; one of usage when it was asked for; [DONE]
 *   failed, error          → data: { error }
 */
import type { AnswerContext, JsonObject, StreamConverter, StreamOutcome } from './crossing.ts';
import { IN_STREAM, openAiErrorBody, openAiOfOpenAi } from './error-kinds.ts';
import { asString } from './json.ts';
import { jsonChars } from './json-chars.ts';
import { isCall, ResponsesReader, type ResponsesSink } from './responses-reader.ts';
import { chatAnnotation, chatUsageOf, finishReasonOf, toolCall } from './responses-to-chat-answer.ts';
import { dataEvent } from './sse-text.ts';

export class ResponsesToChatStream implements StreamConverter, ResponsesSink {
  readonly #context: AnswerContext;
  readonly #reader: ResponsesReader;
  #out = '';
  #id = '';
  #calls = 0;
  #isFreeform = false;
  /** Told together at the end: clients that assemble deltas keep the last list alone. */
  readonly #annotations: JsonObject[] = [];
  #annotationChars = 0;
  #reasoningSaid = false;
  #reasoningOpen = false;
  /** Characters of the whole text, and those before the part that is open: annotations count from there. */
  #textLength = 0;
  #partStart = 0;

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
    return this.#reader.heldChars + this.#annotationChars + this.#id.length;
  }

  begin(response: JsonObject): void {
    this.#id = asString(response['id']) ?? `chatcmpl-${this.#context.requestId}`;
    this.#delta({ role: 'assistant', content: '', refusal: null });
  }

  text(delta: string, logprobs: readonly unknown[]): void {
    this.#textLength += delta.length;
    const told = logprobs.length > 0 ? { content: logprobs, refusal: null } : null;
    this.#chunk({ index: 0, delta: { content: delta }, logprobs: told, finish_reason: null });
  }

  refusal(delta: string): void {
    this.#delta({ refusal: delta });
  }

  partEnd(): void {
    this.#partStart = this.#textLength;
  }

  annotation(annotation: JsonObject): void {
    const told = chatAnnotation(annotation, this.#partStart);
    if (told === null) return;
    this.#annotations.push(told);
    this.#annotationChars += jsonChars(told);
  }

  reasoning(delta: string): void {
    const isNext = this.#reasoningSaid && !this.#reasoningOpen;
    this.#reasoningSaid = true;
    this.#reasoningOpen = true;
    this.#delta({ reasoning_content: isNext ? `\n\n${delta}` : delta });
  }

  openCall(item: JsonObject): void {
    this.#isFreeform = item['type'] === 'custom_tool_call';
    this.#delta({ tool_calls: [{ index: this.#calls, ...toolCall(item, '', this.#context, this.#calls) }] });
  }

  callDelta(delta: string): void {
    const piece = this.#isFreeform ? { custom: { input: delta } } : { function: { arguments: delta } };
    this.#delta({ tool_calls: [{ index: this.#calls, ...piece }] });
  }

  itemEnd(item: JsonObject): void {
    this.#reasoningOpen = false;
    this.#partStart = this.#textLength;
    if (isCall(item)) this.#calls++;
  }

  finish(response: JsonObject): void {
    if (this.#annotations.length > 0) this.#delta({ annotations: this.#annotations });
    const reason = finishReasonOf(response, this.#calls);
    const choice = { index: 0, delta: {}, logprobs: null, finish_reason: reason };
    this.#chunk(choice, asString(response['service_tier']));
    if (this.#context.includeUsage) this.#out += dataEvent({ ...this.#head([]), usage: chatUsageOf(response) });
    this.#out += 'data: [DONE]\n\n';
    this.#forget();
  }

  fail(error: JsonObject): void {
    this.#out += dataEvent(openAiErrorBody(openAiOfOpenAi(IN_STREAM, error)));
    this.#forget();
  }

  #forget(): void {
    this.#id = '';
    this.#annotations.length = 0;
    this.#annotationChars = 0;
  }

  #delta(delta: JsonObject): void {
    this.#chunk({ index: 0, delta, logprobs: null, finish_reason: null });
  }

  #chunk(choice: JsonObject, serviceTier: string | null = null): void {
    const chunk = this.#head([choice]);
    if (serviceTier !== null) chunk['service_tier'] = serviceTier;
    if (this.#context.includeUsage) chunk['usage'] = null;
    this.#out += dataEvent(chunk);
  }

  #head(choices: readonly JsonObject[]): JsonObject {
    const { createdAtSeconds, model } = this.#context;
    return { id: this.#id, object: 'chat.completion.chunk', created: createdAtSeconds, model, choices };
  }
}
