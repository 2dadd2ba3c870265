/**
 * How many front threads run, and the sizes of the process-wide pools that depend on it. Pure; supervisor and primary.
 */
import { availableParallelism } from 'node:os';
import type { Config } from '#config/schema.ts';

/** `threads.fronts`, or one less than the cores, at least 1. */
export function frontCount(config: Config): number {
  return config.threads.fronts ?? Math.max(1, availableParallelism() - 1);
}

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
