/** What changes an answer between upstream and client, where its bytes cannot pass as they are. Shapes only. */
import type { FailureCode } from '#failure/registry.ts';
import type { JsonObject, StreamOutcome } from '#wire/convert/crossing.ts';

export interface AnswerTransform {
  /** Why the answer cannot be turned: what has left so far is all there will be. Null: it can. */
  readonly failure: FailureCode | null;
  /** What has come of a stream that is turned, behind `end`; of what is not turned event by event nothing can be told: `whole`. */
  readonly outcome: StreamOutcome;
  /** What it has of the budget for answers that wait. */
  readonly budgetedBytes: number;
  /** What has left is the beginning of an array whose next element must have a comma before it. */
  readonly awaitsComma: boolean;
  /**
   * What of the answer may leave now, as whole events of the client's protocol; null: nothing yet. The tap has seen the chunk, and nobody
   * else reads it after: its bytes may be changed, and what is returned may be a part of it.
   */
  push(chunk: Uint8Array): Uint8Array | null;
  /** The upstream has ended its answer properly, by its own account. */
  end(): Uint8Array | null;
  /**
   * What came was an error in place of an answer: its words, as the body of an error of the upstream's protocol; null where it has none or
   * where they pass as they are. Behind it, or behind `end`, nothing but `drop` is called, and this.
   */
  errorSaid(): JsonObject | null;
  /** Gives back what it holds; nothing else is called afterwards. */
  drop(): void;
}
