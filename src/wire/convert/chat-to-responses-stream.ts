/**
 * A stream of a Chat upstream as a Responses stream. Pure; one object a stream.
 *
 *   first chunk                   → created, in_progress
 *   delta.reasoning_content       → a reasoning item, done when something else begins
 *   delta.content, delta.refusal  → a message, done when a call begins
 *   delta.tool_calls              → calls; all are done when finish_reason has come, as their pieces may take turns
 *   usage                         → kept, wherever it comes: the last that is not null counts
 *   end, after finish_reason      → completed or incomplete
 *   end without one               → nothing: such an answer is not whole
 *   error                         → error
 */
import { CHAT_REASONING } from './carried-thinking.ts';
import {
  annotationOf,
  incompleteReasonOf,
  logprobsOf,
  reasoningOf,
  startOfCall,
  tokensOf,
} from './chat-to-responses-answer.ts';
import type { AnswerContext, JsonObject, StreamConverter, StreamOutcome } from './crossing.ts';
import { IN_STREAM, openAiOfOpenAi } from './error-kinds.ts';
import { asArray, asNumber, asObject, asString } from './json.ts';
import type { ResponsesTokens } from './responses-object.ts';
import { ResponsesWriter } from './responses-writer.ts';

/** More calls than this are no answer of a model; further ones are left out. */
const CALLS_MAX = 512;

interface OpenCall {
  readonly key: number;
  readonly id: string;
}

export class ChatToResponsesStream implements StreamConverter {
  readonly #context: AnswerContext;
  readonly #writer: ResponsesWriter;
  /** The upstream's index of a call → the call that has it now. */
  readonly #calls = new Map<number, OpenCall>();
  #callCount = 0;
  #isReasoning = false;
  #finishReason: string | null = null;
  #tokens: ResponsesTokens = tokensOf(null);
  #serviceTier: string | null = null;

  constructor(context: AnswerContext) {
    this.#context = context;
    this.#writer = new ResponsesWriter(context);
  }

  get outcome(): StreamOutcome {
    return this.#writer.outcome;
  }

  event(_name: string, data: JsonObject): string {
    if (this.outcome !== 'open') return '';
    if (data['error'] !== undefined && data['error'] !== null) this.#fail(data);
    else this.#chunk(data);
    return this.#writer.take();
  }

  end(): string {
    if (this.#finishReason === null || this.outcome !== 'open') return '';
    this.#writer.end({
      incompleteReason: incompleteReasonOf(this.#finishReason),
      tokens: this.#tokens,
      serviceTier: this.#serviceTier,
    });
    return this.#writer.take();
  }

  get heldChars(): number {
    return this.#writer.heldChars;
  }

  #fail(data: JsonObject): void {
    const { code, message, type } = openAiOfOpenAi(IN_STREAM, data);
    this.#writer.fail(code ?? type, message);
  }

  #chunk(data: JsonObject): void {
    const choices = asArray(data['choices']);
    const usage = asObject(data['usage']);
    if (usage !== null) this.#tokens = tokensOf(usage);
    this.#serviceTier = asString(data['service_tier']) ?? this.#serviceTier;
    if (choices === null) return;
    this.#writer.begin(asString(data['id']));
    for (const value of choices) {
      const choice = asObject(value);
      if (choice !== null && (asNumber(choice['index']) ?? 0) === 0) this.#choice(choice);
    }
  }

  #choice(choice: JsonObject): void {
    const delta = asObject(choice['delta']);
    if (delta !== null && this.#finishReason === null) this.#delta(delta, logprobsOf(choice));
    const finishReason = asString(choice['finish_reason']);
    if (finishReason === null || finishReason === '' || this.#finishReason !== null) return;
    this.#finishReason = finishReason;
    this.#closeAll(incompleteReasonOf(finishReason) === null ? 'completed' : 'incomplete');
  }

  #delta(delta: JsonObject, logprobs: readonly unknown[]): void {
    const reasoning = reasoningOf(delta);
    if (reasoning !== '') {
      this.#isReasoning = true;
      this.#writer.reasoning(reasoning);
    }
    const text = asString(delta['content']) ?? '';
    if (text !== '') {
      this.#endReasoning();
      this.#writer.text(text, logprobs);
    }
    const refusal = asString(delta['refusal']) ?? '';
    if (refusal !== '') {
      this.#endReasoning();
      this.#writer.refusal(refusal);
    }
    for (const value of asArray(delta['annotations']) ?? []) {
      const annotation = annotationOf(asObject(value));
      if (annotation !== null) this.#writer.annotate(annotation);
    }
    const calls = asArray(delta['tool_calls']) ?? [];
    for (let i = 0; i < calls.length; i++) {
      const call = asObject(calls[i]);
      if (call !== null) this.#callPiece(call, asNumber(call['index']) ?? i);
    }
  }

  /** Some upstreams give all calls one index: one with another id and a name of its own is another call. */
  #callPiece(piece: JsonObject, index: number): void {
    const start = startOfCall(piece, this.#callCount, this.#context);
    const given = asString(piece['id']) ?? '';
    let call = this.#calls.get(index);
    if (call === undefined || (given !== '' && given !== call.id && start.name !== '')) {
      if (this.#callCount >= CALLS_MAX) return;
      this.#endReasoning();
      this.#writer.closeMessage();
      call = { key: this.#callCount++, id: given };
      this.#calls.set(index, call);
      const { callId, name, namespace, freeform } = start;
      this.#writer.openCall(call.key, { callId, name, namespace, freeform });
    }
    this.#writer.callDelta(call.key, start.text);
  }

  #endReasoning(): void {
    if (this.#isReasoning) this.#writer.closeReasoning(CHAT_REASONING);
    this.#isReasoning = false;
  }

  #closeAll(status: string): void {
    this.#endReasoning();
    this.#writer.closeMessage(status);
    for (let key = 0; key < this.#callCount; key++) {
      this.#writer.closeCall(key, key === this.#callCount - 1 ? status : 'completed');
    }
  }
}
