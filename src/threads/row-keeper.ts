/**
 * Takes rows of the shared tables away from users that nobody has asked for lately, once the table is nearly full, and from accounts
 * that have left the catalog.
 *
 *   idle in the tables ─► retiring ─► every front: cached keys dropped, still used by an open exchange? ─► idle still: freed
 *                            │ asked for meanwhile          │ yes, or no answer in time        │ no
 *                            └──────────────────────────────┴──────────────────────────────────┴─► kept
 *
 * A front answers after it has dropped what it had cached, so a row that is freed can be reached only through a question to
 * primary, which ends the retirement. Idle: no place, no ticket, no reservation, nothing settled that is not committed.
 * Primary only; one retirement a table at a time.
 */
import type { Logger } from '#base/logger.ts';
import { NEARLY_FULL, type RowTable } from '#coordinate/local/row-table.ts';
import type { PrimaryToFront } from './protocol.ts';

export type RowKind = 'users' | 'accounts';

/** Rows taken back at once: a share of the table, at least one. */
const BATCH_SHARE = 1 / 16;
const BATCH_MAX = 1024;
const SWEEP_EVERY_MS = 500;
/** Longest wait for the fronts' answers. */
const ANSWER_MS = 5_000;

export interface RowKeeperParts {
  rows: Record<RowKind, RowTable>;
  /** Nothing in the shared tables belongs to this row. */
  isIdle(kind: RowKind, row: number): boolean;
  /** The account is in the catalog. */
  isListed(accountId: number): boolean;
  /** Forget what would lead to these users' rows. */
  forgetUsers(userIds: readonly number[]): void;
  /** The row belongs to nobody any more: its limit, balance and health are those of nobody. */
  clear(kind: RowKind, row: number): void;
  fronts(): number[];
  tell(front: number, message: PrimaryToFront): void;
  log: Logger;
}

interface Question {
  readonly waiting: Set<number>;
  readonly inUse: Set<number>;
  readonly done: (answered: boolean) => void;
}

export class RowKeeper {
  readonly #parts: RowKeeperParts;
  readonly #questions = new Map<number, Question>();
  readonly #busy = new Set<RowKind>();
  readonly #timer: NodeJS.Timeout;
  #questionId = 0;

  constructor(parts: RowKeeperParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => this.sweep(), SWEEP_EVERY_MS);
    parts.rows.users.onNearlyFull = () => void setImmediate(() => this.sweep());
  }

  close(): void {
    clearInterval(this.#timer);
    for (const id of this.#questions.keys()) this.#end(id, false);
  }

  /** Looks whether rows should be taken back, and begins to. */
  sweep(): void {
    const { rows } = this.#parts;
    if (rows.users.size >= rows.users.capacity * NEARLY_FULL) void this.#retire('users', () => true);
    void this.#retire('accounts', (id) => !this.#parts.isListed(id));
  }

  /** A front has dropped the rows of a question, but for those that its open exchanges use. */
  answered(front: number, id: number, inUse: readonly number[]): void {
    const question = this.#questions.get(id);
    if (question === undefined) return;
    for (const row of inUse) question.inUse.add(row);
    question.waiting.delete(front);
    if (question.waiting.size === 0) this.#end(id, true);
  }

  /** A front has ended, and what it held is undone: it uses no row. */
  frontGone(front: number): void {
    for (const id of this.#questions.keys()) this.answered(front, id, []);
  }

  async #retire(kind: RowKind, mayGo: (id: number) => boolean): Promise<void> {
    if (this.#busy.has(kind)) return;
    const ids = this.#candidates(kind, mayGo);
    if (ids.length === 0) return;
    this.#busy.add(kind);
    try {
      await this.#retireThese(kind, ids);
    } finally {
      this.#busy.delete(kind);
    }
  }

  /** Idle ones, the least recently used first. */
  #candidates(kind: RowKind, mayGo: (id: number) => boolean): number[] {
    const table = this.#parts.rows[kind];
    const most = Math.min(BATCH_MAX, Math.ceil(table.capacity * BATCH_SHARE));
    const ids: number[] = [];
    for (const id of table.ids()) {
      if (ids.length === most) break;
      if (mayGo(id) && this.#parts.isIdle(kind, table.find(id)!.row)) ids.push(id);
    }
    return ids;
  }

  async #retireThese(kind: RowKind, ids: readonly number[]): Promise<void> {
    const { rows, log } = this.#parts;
    const table = rows[kind];
    for (const id of ids) table.retire(id);
    if (kind === 'users') this.#parts.forgetUsers(ids);
    const inUse = await this.#ask(
      kind,
      ids.map((id) => table.find(id)!.row),
    );
    let freed = 0;
    // No await in here: between the look at a row and its end nobody can take it.
    for (const id of ids) if (this.#free(kind, id, inUse)) freed++;
    if (freed > 0) log.info({ table: kind, freed, used: table.size }, 'rows that nobody used were taken back');
  }

  #free(kind: RowKind, id: number, inUse: ReadonlySet<number> | null): boolean {
    const table = this.#parts.rows[kind];
    const { row } = table.find(id)!;
    if (inUse === null || inUse.has(row) || !this.#parts.isIdle(kind, row)) {
      table.keep(id);
      return false;
    }
    if (!table.free(id)) return false;
    this.#parts.clear(kind, row);
    return true;
  }

  /** The rows that some front still uses; null when one did not answer in time. */
  #ask(kind: RowKind, rows: number[]): Promise<ReadonlySet<number> | null> {
    const fronts = this.#parts.fronts();
    const id = ++this.#questionId;
    return new Promise((resolve) => {
      const inUse = new Set<number>();
      const timer = setTimeout(() => this.#end(id, false), ANSWER_MS);
      const done = (answered: boolean): void => {
        clearTimeout(timer);
        resolve(answered ? inUse : null);
      };
      this.#questions.set(id, { waiting: new Set(fronts), inUse, done });
      for (const front of fronts) this.#parts.tell(front, { type: 'dropRows', id, kind, rows });
      if (fronts.length === 0) this.#end(id, true);
    });
  }

  #end(id: number, answered: boolean): void {
    const question = this.#questions.get(id);
    this.#questions.delete(id);
    question?.done(answered);
  }
}
