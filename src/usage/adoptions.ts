/**
 * Who asked to take over what ended processes left, from the question until all of it is in PostgreSQL. The usage-writer only.
 *
 *   add ──► wanted ──looked into the folder──► replaying ──no foreign journal left, or PostgreSQL away──► answered
 */
interface Adoption {
  userIds: readonly number[];
  rowsBefore: number;
  done: (rows: number) => void;
}

export class Adoptions {
  #open: Adoption[] = [];
  /** Somebody asked since the last look into the folder; stays when the answer could not wait for it. */
  wanted = false;

  get waiting(): boolean {
    return this.#open.length > 0;
  }

  /** Users whose balances are asked for. */
  get userIds(): number[] {
    return [...new Set(this.#open.flatMap((adoption) => adoption.userIds))];
  }

  /** Resolves to the rows that were replayed since. */
  add(userIds: readonly number[], rowsBefore: number): Promise<number> {
    this.wanted = true;
    return new Promise((done) => this.#open.push({ userIds, rowsBefore, done }));
  }

  answerAll(rows: number): void {
    for (const { rowsBefore, done } of this.#open) done(rows - rowsBefore);
    this.#open = [];
  }
}
