/**
 * What the usage-writer tells every front, and the bell by which fronts wake it.
 *
 *   Int32  [0] refuse      1: new work is refused, the journal is near its bound
 *          [1] bell        counts rings; what the writer sleeps on (`Atomics.waitAsync`)
 *          [2] asleep      1: the writer sleeps and wants the bell
 *          [3] databaseAway
 *   Float64 at byte 64:    [0] journal bytes on disk  [1] records waiting for PostgreSQL  [2] bytes at which work is refused
 *
 * The gauges have one writer and may be torn only against each other. Fronts never wait here.
 */
const REFUSE = 0;
const BELL = 1;
const ASLEEP = 2;
const DATABASE_AWAY = 3;
const GAUGES_OFFSET = 64;
const JOURNAL_BYTES = 0;
const RECORDS_WAITING = 1;
const REFUSE_AT_BYTES = 2;
const GAUGES = 3;

export function pressureBytes(): number {
  return GAUGES_OFFSET + GAUGES * 8;
}

/** By which a front tells that it has published records. */
export interface Bell {
  ringBell(): void;
}

export class UsagePressure implements Bell {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #gauges: Float64Array;

  constructor(shared: SharedArrayBuffer) {
    this.#words = new Int32Array(shared, 0, GAUGES_OFFSET / 4);
    this.#gauges = new Float64Array(shared, GAUGES_OFFSET, GAUGES);
  }

  /** True: admit nothing that would make a usage record. */
  get refuse(): boolean {
    return Atomics.load(this.#words, REFUSE) === 1;
  }

  set refuse(refuse: boolean) {
    Atomics.store(this.#words, REFUSE, refuse ? 1 : 0);
  }

  get databaseAway(): boolean {
    return Atomics.load(this.#words, DATABASE_AWAY) === 1;
  }

  set databaseAway(away: boolean) {
    Atomics.store(this.#words, DATABASE_AWAY, away ? 1 : 0);
  }

  get journalBytes(): number {
    return this.#gauges[JOURNAL_BYTES]!;
  }

  set journalBytes(bytes: number) {
    this.#gauges[JOURNAL_BYTES] = bytes;
  }

  get recordsWaiting(): number {
    return this.#gauges[RECORDS_WAITING]!;
  }

  set recordsWaiting(records: number) {
    this.#gauges[RECORDS_WAITING] = records;
  }

  get refuseAtBytes(): number {
    return this.#gauges[REFUSE_AT_BYTES]!;
  }

  set refuseAtBytes(bytes: number) {
    this.#gauges[REFUSE_AT_BYTES] = bytes;
  }

  /** A front has published a record: wakes the writer, only if it sleeps. Of many fronts one rings. */
  ringBell(): void {
    const words = this.#words;
    if (Atomics.load(words, ASLEEP) === 0) return;
    if (Atomics.compareExchange(words, ASLEEP, 1, 0) !== 1) return;
    Atomics.add(words, BELL, 1);
    Atomics.notify(words, BELL);
  }

  /**
   * The writer sleeps until the bell rings, at most `timeoutMs`; not at all when `isIdle` is false after the front side could have seen it asleep. Publish
   * then look at `asleep` there, set `asleep` then look at the rings here: one of the two always sees the other.
   */
  async sleep(isIdle: () => boolean, timeoutMs: number): Promise<void> {
    const words = this.#words;
    const bell = Atomics.load(words, BELL);
    Atomics.store(words, ASLEEP, 1);
    if (isIdle()) {
      const waiting = Atomics.waitAsync(words, BELL, bell, timeoutMs);
      if (waiting.async) await waiting.value;
    }
    Atomics.store(words, ASLEEP, 0);
  }

  /** Ends a `sleep` from the writer's own thread. */
  wake(): void {
    Atomics.add(this.#words, BELL, 1);
    Atomics.notify(this.#words, BELL);
  }
}
