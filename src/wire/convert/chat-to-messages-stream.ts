/**
 * A Chat Completions stream as a Messages stream. Never throws. One per answer.
 *
 *   Chat                                            Messages
 *   first chunk                                     message_start, usage of zeros: Chat tells it last
 *   delta.reasoning_content, reasoning              thinking block, signed with REASONING_SIGNATURE
 *   delta.content, delta.refusal                    text block
 *   delta.tool_calls: { index, id, function }       tool_use blocks, one after another (`messages-block-writer.ts`)
 *   choice.finish_reason, usage of any chunk        kept for the end
 *   { error }                                       error; nothing follows
 *   end, after a finish_reason                      the last block stops, message_delta, message_stop
 *   end without                                     nothing: such an answer is not whole
 *
 * Only the choice of index 0; chunks without `choices` and everything unknown pass by.
 */
import { stopFields, textOf, toolUseId } from './chat-to-messages-answer.ts';
import type { AnswerContext, JsonObject, StreamConverter, StreamOutcome } from './crossing.ts';
import { IN_STREAM, messagesOfOpenAi } from './error-kinds.ts';
import { asArray, asNumber, asObject, asString } from './json.ts';
import { jsonChars } from './json-chars.ts';
import { KeptText } from './kept-text.ts';
import { MessagesBlockWriter } from './messages-block-writer.ts';
import { messagesTier, messagesUsage, REASONING_SIGNATURE, reasoningOf } from './messages-chat-terms.ts';
import { namedEvent } from './sse-text.ts';

export class ChatToMessagesStream implements StreamConverter {
  outcome: StreamOutcome = 'open';
  readonly #context: AnswerContext;
  readonly #blocks = new MessagesBlockWriter(REASONING_SIGNATURE);
  #begun = false;
  /** The choice that said why it ended. */
  #finished: JsonObject | null = null;
  #finishedChars = 0;
  #usage = messagesUsage(null, null);
  readonly #refusal = new KeptText();

  constructor(context: AnswerContext) {
    this.#context = context;
  }

  event(_name: string, data: JsonObject): string {
    if (this.outcome !== 'open') return '';
    const error = data['error'];
    if (error !== undefined && error !== null) return this.#fail(data);
    const choices = asArray(data['choices']);
    if (choices === null) return '';
    const usage = asObject(data['usage']);
    if (usage !== null) this.#usage = messagesUsage(usage, null);
    let out = '';
    if (!this.#begun) {
      this.#begun = true;
      out = this.#start(data);
    }
    for (let i = 0; i < choices.length; i++) {
      const choice = asObject(choices[i]);
      if (choice !== null && (asNumber(choice['index']) ?? 0) === 0) out += this.#choice(choice);
    }
    if (!this.#blocks.overrun) return out;
    return out + this.#fail({ error: { message: 'The upstream sent more tool calls than can be put in order.' } });
  }

  end(): string {
    if (this.outcome !== 'open' || this.#finished === null) return '';
    this.outcome = 'whole';
    const delta = stopFields(this.#finished, this.#blocks.hasCalls, this.#refusal.text);
    const usage = this.#usage;
    return (
      this.#blocks.finish() +
      namedEvent('message_delta', { type: 'message_delta', delta, usage }) +
      namedEvent('message_stop', { type: 'message_stop' })
    );
  }

  get heldChars(): number {
    return this.outcome !== 'open' ? 0 : this.#blocks.heldChars + this.#refusal.length + this.#finishedChars;
  }

  #fail(data: JsonObject): string {
    this.outcome = 'failed';
    this.#blocks.forget();
    return namedEvent('error', messagesOfOpenAi(IN_STREAM, data, this.#context.requestId));
  }

  #start(data: JsonObject): string {
    const message = {
      id: asString(data['id']) || `msg_${this.#context.requestId}`,
      type: 'message',
      role: 'assistant',
      model: this.#context.model,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      usage: messagesUsage(null, messagesTier(data['service_tier'])),
    };
    return namedEvent('message_start', { type: 'message_start', message });
  }

  #choice(choice: JsonObject): string {
    const delta = asObject(choice['delta']);
    let out = '';
    if (delta !== null) {
      out += this.#blocks.text('thinking', reasoningOf(delta));
      out += this.#blocks.text('text', textOf(delta['content']));
      const refusal = asString(delta['refusal']);
      if (refusal !== null && refusal !== '') {
        this.#refusal.add(refusal);
        out += this.#blocks.text('text', refusal);
      }
      const calls = asArray(delta['tool_calls']);
      for (let i = 0; i < (calls?.length ?? 0); i++) out += this.#call(asObject(calls![i]));
    }
    if (asString(choice['finish_reason'])) {
      this.#finished = choice;
      this.#finishedChars = jsonChars(choice);
    }
    return out;
  }

  #call(call: JsonObject | null): string {
    if (call === null) return '';
    const definition = asObject(call['function']);
    const index = asNumber(call['index']);
    const id = asString(call['id']) ?? '';
    const name = asString(definition?.['name']) ?? '';
    let out = '';
    if (!this.#blocks.continues(index, id, name)) {
      if (id === '' && name === '' && definition === null) return '';
      out = this.#blocks.beginCall(index, toolUseId(id, this.#context, this.#blocks.callCount), name);
    }
    return out + this.#blocks.continueCall(index, name, asString(definition?.['arguments']) ?? '');
  }
}
