/**
 * Assertions for bugs, never for bad input: a failed one means that the program itself is wrong.
 * Runs on every thread.
 */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}
