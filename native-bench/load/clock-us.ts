/** The machine's monotonic clock in whole microseconds: the same in every process, so that one can stamp what another one times. */
export function nowUs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000_000 + Math.floor(nanoseconds / 1_000);
}
