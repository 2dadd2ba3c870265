/**
 * Sizes of the process-wide thread pools, which depend on the number of fronts. Pure; supervisor.
 */

/**
 * Threads of the libuv pool, which is one per process: DNS and TLS key work of every front meet there. Node's default of 4 is
 * kept as the floor for the main thread and the usage-writer.
 */
export function libuvPoolSize(fronts: number): number {
  return Math.min(128, 4 + 2 * fronts);
}

/** Threads that V8 collects garbage and compiles with, shared by all isolates of the process; Node's default is 4. */
export function v8PoolSize(fronts: number): number {
  return Math.min(16, Math.max(4, fronts));
}
