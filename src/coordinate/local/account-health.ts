/**
 * How each upstream account feels, in shared memory: what one front learns from an answer, all threads see at once.
 *
 *   Float64, per account row:   [ restUntil | modelRestUntil (latest of its models) | lastUsed ]        ms of base/clock
 *   Int32,   per account row:   [ reason of the rest | failures in a row ]
 *   model rests, open addressing, PROBES cells from hash(row, model):
 *     Int32   [ row + 1 | model hash | reason ]      Float64 [ until ]
 *
 * Times are written without a lock: two fronts that rest the same account at the same time leave one of two nearly equal
 * ends. The model table forgets a rest only when all its probe cells hold longer ones.
 */
import { nowMs } from '#base/clock.ts';

export const REST_NONE = 0;
export const REST_RATE_LIMITED = 1;
export const REST_OVERLOADED = 2;
export const REST_AUTH = 3;
export const REST_ERRORS = 4;

/** A rest as it is handed from one process to the next: clocks differ, so it says what is left. */
export interface Rest {
  row: number;
  modelHash: number | null;
  leftMs: number;
  reason: number;
}

/** Cells of the table of account × model rests. */
export const MODEL_RESTS_MAX = 8192;
const PROBES = 8;
const TIMES = 3;
const MARKS = 2;
const KEYS = 3;

export function accountHealthBytes(rows: number): number {
  return rows * TIMES * 8 + MODEL_RESTS_MAX * 8 + rows * MARKS * 4 + MODEL_RESTS_MAX * KEYS * 4;
}

export class AccountHealth {
  readonly #times: Float64Array;
  readonly #modelUntil: Float64Array;
  readonly #marks: Int32Array;
  readonly #modelKeys: Int32Array;

  constructor(buffer: SharedArrayBuffer, rows: number) {
    this.#times = new Float64Array(buffer, 0, rows * TIMES);
    this.#modelUntil = new Float64Array(buffer, rows * TIMES * 8, MODEL_RESTS_MAX);
    const marksAt = rows * TIMES * 8 + MODEL_RESTS_MAX * 8;
    this.#marks = new Int32Array(buffer, marksAt, rows * MARKS);
    this.#modelKeys = new Int32Array(buffer, marksAt + rows * MARKS * 4, MODEL_RESTS_MAX * KEYS);
  }

  /** Puts the whole account to rest for `ms`; a longer rest that already holds stays. */
  rest(row: number, ms: number, reason: number): void {
    const until = nowMs() + ms;
    if (this.#times[row * TIMES]! >= until) return;
    this.#times[row * TIMES] = until;
    this.#marks[row * MARKS] = reason;
  }

  /** Puts one model of the account to rest for `ms`. */
  restModel(row: number, modelHash: number, ms: number, reason: number): void {
    const now = nowMs();
    const until = now + ms;
    const cell = this.#cellFor(row, modelHash, now, until);
    if (cell < 0) return this.rest(row, ms, reason);
    if (this.#modelUntil[cell]! >= until && this.#modelKeys[cell * KEYS] === row + 1) return;
    this.#modelKeys[cell * KEYS] = row + 1;
    this.#modelKeys[cell * KEYS + 1] = modelHash;
    this.#modelKeys[cell * KEYS + 2] = reason;
    this.#modelUntil[cell] = until;
    if (this.#times[row * TIMES + 1]! < until) this.#times[row * TIMES + 1] = until;
  }

  /** When the account may serve the model again (ms of base/clock); a value ≤ now means that it may. */
  restUntil(row: number, modelHash: number, now: number): number {
    const until = this.#times[row * TIMES]!;
    if (until > now || this.#times[row * TIMES + 1]! <= now) return until;
    const cell = this.#find(row, modelHash);
    return cell < 0 ? until : this.#modelUntil[cell]!;
  }

  /** Why `restUntil` lies in the future. */
  reason(row: number, modelHash: number, now: number): number {
    if (this.#times[row * TIMES]! > now) return this.#marks[row * MARKS]!;
    const cell = this.#find(row, modelHash);
    return cell >= 0 && this.#modelUntil[cell]! > now ? this.#modelKeys[cell * KEYS + 2]! : REST_NONE;
  }

  lastUsed(row: number): number {
    return this.#times[row * TIMES + 2]!;
  }

  markUsed(row: number, now: number): void {
    this.#times[row * TIMES + 2] = now;
  }

  /** Counts a failure of the account's side; returns how many came in a row. */
  failed(row: number): number {
    return Atomics.add(this.#marks, row * MARKS + 1, 1) + 1;
  }

  succeeded(row: number): void {
    if (this.#marks[row * MARKS + 1] !== 0) Atomics.store(this.#marks, row * MARKS + 1, 0);
  }

  /** Primary: every rest that still holds; `modelHash` null: the whole account. */
  rests(rows: number, now: number): Rest[] {
    const found: Rest[] = [];
    for (let row = 0; row < rows; row++) {
      const leftMs = this.#times[row * TIMES]! - now;
      if (leftMs > 0) found.push({ row, modelHash: null, leftMs, reason: this.#marks[row * MARKS]! });
    }
    for (let cell = 0; cell < MODEL_RESTS_MAX; cell++) {
      const leftMs = this.#modelUntil[cell]! - now;
      const row = this.#modelKeys[cell * KEYS]! - 1;
      if (leftMs <= 0 || row < 0) continue;
      const modelHash = this.#modelKeys[cell * KEYS + 1]!;
      found.push({ row, modelHash, leftMs, reason: this.#modelKeys[cell * KEYS + 2]! });
    }
    return found;
  }

  /** Primary: an account was changed by its operator, so what was learnt about the old one is void. */
  forget(row: number): void {
    this.#times[row * TIMES] = 0;
    this.#times[row * TIMES + 1] = 0;
    Atomics.store(this.#marks, row * MARKS + 1, 0);
  }

  #find(row: number, modelHash: number): number {
    for (let i = 0; i < PROBES; i++) {
      const cell = probe(row, modelHash, i);
      if (this.#modelKeys[cell * KEYS] === row + 1 && this.#modelKeys[cell * KEYS + 1] === modelHash) return cell;
    }
    return -1;
  }

  /** The cell of this pair, else one that is free or over, else the one that ends first if it ends before `until`; else −1. */
  #cellFor(row: number, modelHash: number, now: number, until: number): number {
    const own = this.#find(row, modelHash);
    if (own >= 0) return own;
    let best = -1;
    let bestUntil = until;
    for (let i = 0; i < PROBES; i++) {
      const cell = probe(row, modelHash, i);
      const ends = this.#modelKeys[cell * KEYS] === 0 ? 0 : this.#modelUntil[cell]!;
      if (ends <= now) return cell;
      if (ends < bestUntil) {
        best = cell;
        bestUntil = ends;
      }
    }
    return best;
  }
}

function probe(row: number, modelHash: number, i: number): number {
  return ((Math.imul(row + 1, 0x9e3779b1) ^ modelHash) + i) & (MODEL_RESTS_MAX - 1);
}

/** FNV-1a over UTF-16 units: the Int32 key of a model name in the table of rests. */
export function hashModel(model: string): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = 0; i < model.length; i++) hash = Math.imul(hash ^ model.charCodeAt(i), 0x01000193);
  return hash;
}
