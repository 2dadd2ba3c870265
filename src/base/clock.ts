/**
 * The one clock. `nowMs` is monotonic and the same on every thread of the process, so it may be compared through shared memory:
 * `performance.now()` counts from each worker's own start, therefore it is shifted once to `process.hrtime`.
 */
const shiftMs = Number(process.hrtime.bigint() / 1000n) / 1000 - performance.now();

/** Milliseconds with fractions, monotonic, comparable across threads (not across processes or restarts of the machine). */
export function nowMs(): number {
  return performance.now() + shiftMs;
}

/** Milliseconds since the Unix epoch, whole. For stamps in rows and for expiry dates only. */
export function wallMs(): number {
  return Date.now();
}
