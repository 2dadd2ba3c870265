/**
 * What is counted here of an answer whose account reports no usage (`settings: {reportsUsage: false}`): the request's tokens while it is
 * under way, those of the answer when it has ended. Whatever the pool cannot count in time is left to the estimate by bytes. Front thread only.
 *
 *   attempt begins ──► input asked ──────────────► told, or not in time
 *   answer passes  ──► its texts are gathered ─ends─► output asked ──► told, or not in time ──► nothing is out: `whenTold`
 */
import type { SnapshotAccount } from '#threads/protocol.ts';
import { AnswerTexts } from './answer-texts.ts';
import type { Exchange } from './exchange.ts';
import { countInput } from './local-count.ts';
import type { Parts } from './parts.ts';

/** At each attempt: it is the account at hand that counts. */
export function countUsage(parts: Parts, exchange: Exchange, { settings }: SnapshotAccount): void {
  if (settings['reportsUsage'] !== false || !exchange.operation.billed) {
    exchange.counted?.texts.drop();
    exchange.counted = null;
  } else if (exchange.counted === null) {
    exchange.counted = new UsageCount(parts);
    exchange.counted.askInput(parts, exchange);
  }
}

export class UsageCount {
  readonly texts: AnswerTexts;
  /** Null: not counted. */
  inputTokens: number | null = null;
  outputTokens: number | null = null;
  /** Called when the last of what was asked has been told. */
  whenTold: (() => void) | null = null;
  #out = 0;

  constructor({ replies, config }: Parts) {
    this.texts = new AnswerTexts(replies.streamBudget, config.tokenizer.jobBytesMax);
  }

  /** Something that was asked has not been told. */
  get isOut(): boolean {
    return this.#out > 0;
  }

  /** An answer begins: its texts are gathered anew, where it has any. */
  textsOf({ operation }: Exchange): AnswerTexts | null {
    this.texts.reset();
    return operation.generates ? this.texts : null;
  }

  askInput(parts: Parts, exchange: Exchange): void {
    const asked = countInput(parts, exchange, exchange.sentModel, (tokens) => {
      this.inputTokens = tokens;
      this.#told();
    });
    if (asked) this.#out++;
  }

  askOutput({ counting }: Parts, model: string): void {
    const { texts } = this.texts;
    this.texts.drop();
    if (texts === null) return;
    const refused = counting.countRequest({ ...texts, model, messages: 0, tools: 0, give: false }, (outcome) => {
      this.outputTokens = typeof outcome === 'string' ? null : outcome.tokens;
      this.#told();
    });
    if (refused === null) this.#out++;
  }

  #told(): void {
    this.#out--;
    if (this.#out === 0) this.whenTold?.();
  }
}
