/**
 * A stream of a Chat upstream for a Gemini client. One object a stream; pure.
 *
 *   Chat    *chunk                           delta: { content, reasoning_content, tool_calls: [ { index, id?, function } ] };
 *                                            finish_reason in the last choice; usage in any chunk, the last one wins
 *   Gemini  *chunk                           one with each piece of text or reasoning; at the end the calls, then finishReason and usage
 *
 * The arguments of calls arrive in pieces, and those of parallel calls may be mixed: all are kept until finish_reason. A call whose
 * arguments are no JSON object is left out and the answer ends with MALFORMED_FUNCTION_CALL. The last chunk waits for `end`: usage comes
 * behind finish_reason. Without a finish_reason nothing is said at the end.
 */
import { callPart, reasoningOf } from './chat-to-gemini-answer.ts';
import type { AnswerContext, JsonObject, StreamConverter, StreamOutcome } from './crossing.ts';
import { type Ending, GOES_ON, geminiResponse, sseChunk } from './gemini-chunk.ts';
import { finishReasonOfChat, MALFORMED_CALL } from './gemini-endings.ts';
import { geminiErrorOfChat } from './gemini-errors.ts';
import { signFirstCall } from './gemini-signatures.ts';
import { usageOfChat } from './gemini-usage.ts';
import { asArray, asNumber, asObject, asString } from './json.ts';
import { KeptText } from './kept-text.ts';
import { KeptUsage, USAGE_OF_CHAT } from './kept-usage.ts';

/** Calls of one answer; no known upstream makes more than 128. */
const CALLS_MAX = 256;
/** Arguments of all calls together; what is longer is taken for malformed. No client sends requests that long either. */
const ARGUMENTS_CHARS_MAX = 16 * 1024 * 1024;

interface ToolCall {
  id: string | null;
  name: string;
  readonly arguments: KeptText;
}

export class ChatToGeminiStream implements StreamConverter {
  outcome: StreamOutcome = 'open';
  readonly #context: AnswerContext;
  /** By the upstream's index, in the order in which they began. */
  readonly #calls = new Map<number, ToolCall>();
  #id = '';
  #argumentsChars = 0;
  /** Of ids and names. */
  #nameChars = 0;
  #malformed = false;
  #finishReason: string | null = null;
  readonly #usage = new KeptUsage(USAGE_OF_CHAT);

  constructor(context: AnswerContext) {
    this.#context = context;
  }

  event(_name: string, data: JsonObject): string {
    if (this.outcome !== 'open') return '';
    if (asObject(data['error']) !== null) {
      this.outcome = 'failed';
      this.#calls.clear();
      return sseChunk(geminiErrorOfChat(0, data));
    }
    if (this.#id === '') this.#id = asString(data['id']) ?? '';
    this.#usage.add(data['usage']);
    const choice = asObject(asArray(data['choices'])?.[0]);
    if (choice === null) return '';
    const text = this.#delta(asObject(choice['delta']) ?? {});
    // An empty one, as some upstreams have it in every chunk, is none.
    this.#finishReason = finishReasonOfChat(choice['finish_reason'] || null) ?? this.#finishReason;
    return text;
  }

  end(): string {
    if (this.outcome !== 'open' || this.#finishReason === null) return '';
    this.outcome = 'whole';
    const parts: JsonObject[] = [];
    for (const call of this.#calls.values()) {
      const part = callPart(call.id, { name: call.name, arguments: call.arguments.text });
      if (part === null) this.#malformed = true;
      else parts.push(part);
    }
    this.#calls.clear();
    signFirstCall(parts);
    const finishReason = this.#malformed && this.#finishReason === 'STOP' ? MALFORMED_CALL : this.#finishReason;
    const last = this.#chunk([], { finishReason, usage: usageOfChat(this.#usage.fields) });
    return (parts.length === 0 ? '' : this.#chunk(parts, GOES_ON)) + last;
  }

  get heldChars(): number {
    if (this.outcome !== 'open') return 0;
    return this.#id.length + this.#usage.heldChars + this.#argumentsChars + this.#nameChars;
  }

  #delta(delta: JsonObject): string {
    let text = '';
    const thought = reasoningOf(delta);
    if (thought !== '') text += this.#chunk([{ text: thought, thought: true }], GOES_ON);
    for (const said of [asString(delta['content']) ?? '', asString(delta['refusal']) ?? '']) {
      if (said !== '') text += this.#chunk([{ text: said }], GOES_ON);
    }
    for (const each of asArray(delta['tool_calls']) ?? []) this.#toolCall(asObject(each) ?? {});
    return text;
  }

  /** Upstreams that send whole calls without an index are taken by their order. */
  #toolCall(piece: JsonObject): void {
    const id = asString(piece['id']);
    const index = asNumber(piece['index']) ?? (id === null ? this.#calls.size - 1 : this.#calls.size);
    const called = asObject(piece['function']) ?? {};
    const added = asString(called['arguments']) ?? '';
    const call = this.#calls.get(index) ?? { id: null, name: '', arguments: new KeptText() };
    if (
      this.#argumentsChars + added.length > ARGUMENTS_CHARS_MAX ||
      (this.#calls.size >= CALLS_MAX && !this.#calls.has(index))
    ) {
      this.#malformed = true;
      return;
    }
    this.#argumentsChars += added.length;
    this.#nameChars -= (call.id?.length ?? 0) + call.name.length;
    call.id ??= id;
    call.name ||= asString(called['name']) ?? '';
    this.#nameChars += (call.id?.length ?? 0) + call.name.length;
    call.arguments.add(added);
    this.#calls.set(index, call);
  }

  #chunk(parts: readonly JsonObject[], ending: Ending): string {
    return sseChunk(geminiResponse(parts, ending, this.#id, this.#context));
  }
}
