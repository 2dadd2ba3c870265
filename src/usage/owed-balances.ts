/**
 * What this process's own records took from each user's balance, from their commit until primary is told together with the new
 * balance. Counts every record that is done with, also duplicates and those set aside: fronts have booked them all. The usage-writer only.
 */
import type { UserBalance } from './usage-store.ts';

export type CommittedBalance = UserBalance & { committedNanoUsd: bigint };

export class OwedBalances {
  readonly #owed = new Map<number, bigint>();

  owe(chargedByUser: ReadonlyMap<number, bigint>): void {
    for (const [userId, nanoUsd] of chargedByUser) this.#owed.set(userId, (this.#owed.get(userId) ?? 0n) + nanoUsd);
  }

  /**
   * What primary is told: the `known` balances and those that have to be asked for. When `ask` throws, what is owed stays owed and
   * goes with the next batch.
   */
  async settle(
    known: readonly UserBalance[],
    ask: (userIds: number[]) => Promise<UserBalance[]>,
  ): Promise<CommittedBalance[]> {
    const balances = new Map(known.map((entry) => [entry.userId, entry]));
    const missing = [...this.#owed.keys()].filter((userId) => !balances.has(userId));
    if (missing.length > 0) for (const entry of await ask(missing)) balances.set(entry.userId, entry);
    const entries = [...balances.values()].map((entry) => ({
      ...entry,
      committedNanoUsd: this.#owed.get(entry.userId) ?? 0n,
    }));
    this.#owed.clear();
    return entries;
  }
}
