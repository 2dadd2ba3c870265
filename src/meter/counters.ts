/**
 * Counters by index in shared memory: each thread adds to its own row without atomics or locks, the control server reads all
 * rows when it is asked. A row belongs to the thread's slot and outlives the thread, so that a counter never steps back.
 *
 *   row r:  [ counters … | failures by code … | latency buckets … | latency sum | … ]   Float64, exact up to 2^53
 */
import { FAILURE_CODES } from '#failure/registry.ts';

/** Plain counters, one cell a row each. Gauges are kept as pairs of counters (opened/closed). */
export const COUNTERS = [
  'requests', // requests whose head was read
  'requestBytes', // body bytes received
  'scannedBytes', // body bytes scanned
  'exchangesOpened',
  'exchangesClosed',
  'completed', // answers that reached their end
  'clientGone', // clients that left before the end
  'interrupted', // answers broken off by the upstream or by shutdown
  'upstreamAttempts',
  'upstreamFailovers',
  'upstreamSentAgain', // a kept connection was closed as it was used again
  'upstreamConnects', // connections opened
  'upstreamBytes', // body bytes from upstreams
  'responseWrites', // write calls towards clients
  'responseChunks', // upstream chunks forwarded
  'backpressurePauses',
  'bodyWaits', // bodies that had to wait for room in the budget
  'connectionsOpened',
  'connectionsClosed',
  'connectionsRefused', // closed at once: the front had as many as it may hold
  'websocketsOpened',
  'websocketsClosed',
  'turns', // requests that came over WebSockets
  'keyHits',
  'keyNegativeHits',
  'keyLookups', // questions to primary
  'slotAttempts', // tries to take a place
  'affinityHits', // places taken at the account that had served the session, or holds the response
  'slotRetries', // turns that other threads cost while a place was taken or returned
  'waits', // exchanges that had to queue
  'waitMs',
  'doorbells',
  'usageRecords',
  'openRecords', // written while an answer is under way
  'openRecordsSkipped', // no room for them, or the journal is near its bound
  'inputTokens',
  'outputTokens',
  'chargedMicroUsd',
  'frontsLost', // fronts that ended unasked; written by primary while the row has no thread
  // usage-writer's own row
  'journalRecords',
  'journalBytes',
  'journalSyncs',
  'rowsCommitted',
  'rowsDuplicate',
  'rowsPoison',
  'rowsRecovered', // of a front that died, made from its open records
  'batches',
  'batchFailures',
] as const;

export type CounterName = (typeof COUNTERS)[number];

/** Upper bounds of the latency histograms in milliseconds; the last bucket is +Inf. */
export const LATENCY_BUCKETS_MS = [
  1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000, 300000,
] as const;

/** `firstByte`: head read to first byte of the answer; `duration`: to its end. */
export const LATENCIES = ['firstByte', 'duration'] as const;
export type LatencyName = (typeof LATENCIES)[number];

const FAILURE_BASE = COUNTERS.length;
const LATENCY_BASE = FAILURE_BASE + FAILURE_CODES.length;
const LATENCY_CELLS = LATENCY_BUCKETS_MS.length + 2; // buckets, +Inf, sum
const ROW_CELLS = LATENCY_BASE + LATENCIES.length * LATENCY_CELLS;

/** Index of a counter in a row, resolved once at module load: hot paths add by index. */
export const C = Object.freeze(Object.fromEntries(COUNTERS.map((name, index) => [name, index]))) as Readonly<
  Record<CounterName, number>
>;

export function counterBytes(rows: number): number {
  return rows * ROW_CELLS * 8;
}

/** The writer's side: one thread's own row. */
export class CounterRow {
  readonly #cells: Float64Array;

  constructor(buffer: SharedArrayBuffer, row: number) {
    this.#cells = new Float64Array(buffer, row * ROW_CELLS * 8, ROW_CELLS);
  }

  add(index: number, amount = 1): void {
    this.#cells[index]! += amount;
  }

  value(index: number): number {
    return this.#cells[index]!;
  }

  failure(codeIndex: number): void {
    this.#cells[FAILURE_BASE + codeIndex]! += 1;
  }

  /** `which` is the index in `LATENCIES`. */
  latency(which: number, ms: number): void {
    const base = LATENCY_BASE + which * LATENCY_CELLS;
    let bucket = 0;
    while (bucket < LATENCY_BUCKETS_MS.length && ms > LATENCY_BUCKETS_MS[bucket]!) bucket++;
    this.#cells[base + bucket]! += 1;
    this.#cells[base + LATENCY_CELLS - 1]! += ms;
  }
}

/**
 * Primary, when a front's thread has ended: exchanges and WebSockets that it never closed are closed, so that none stays open in the figures.
 * Returns how many there were.
 */
export function closeExchanges(buffer: SharedArrayBuffer, row: number): number {
  const counters = new CounterRow(buffer, row);
  const open = counters.value(C.exchangesOpened) - counters.value(C.exchangesClosed);
  counters.add(C.exchangesClosed, open);
  counters.add(C.websocketsClosed, counters.value(C.websocketsOpened) - counters.value(C.websocketsClosed));
  return open;
}

/** The reader's side: sums over all rows. */
export class CounterTable {
  readonly #cells: Float64Array;
  readonly rows: number;

  constructor(buffer: SharedArrayBuffer) {
    this.#cells = new Float64Array(buffer);
    this.rows = this.#cells.length / ROW_CELLS;
  }

  /** Value of one counter, of one row or summed over all. */
  value(name: CounterName, row?: number): number {
    return this.#sum(C[name], row);
  }

  failures(codeIndex: number): number {
    return this.#sum(FAILURE_BASE + codeIndex);
  }

  /** Non-cumulative bucket counts (the last one is +Inf) and the sum in milliseconds. */
  latency(name: LatencyName): { buckets: number[]; sumMs: number } {
    const base = LATENCY_BASE + LATENCIES.indexOf(name) * LATENCY_CELLS;
    const buckets: number[] = [];
    for (let i = 0; i < LATENCY_CELLS - 1; i++) buckets.push(this.#sum(base + i));
    return { buckets, sumMs: this.#sum(base + LATENCY_CELLS - 1) };
  }

  #sum(cell: number, row?: number): number {
    if (row !== undefined) return this.#cells[row * ROW_CELLS + cell]!;
    let total = 0;
    for (let r = 0; r < this.rows; r++) total += this.#cells[r * ROW_CELLS + cell]!;
    return total;
  }
}
