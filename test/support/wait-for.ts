/** Waiting for states with a bound: the only way that tests let time pass. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  boundMs?: number;
  everyMs?: number;
}

/** Asks until the answer is neither undefined, null nor false; throws with `what` when the bound has passed. */
export async function waitFor<T>(
  what: string,
  ask: () => T | Promise<T>,
  options: WaitOptions = {},
): Promise<Exclude<T, undefined | null | false>> {
  const boundMs = options.boundMs ?? 30_000;
  const endMs = performance.now() + boundMs;
  while (true) {
    const answer = await ask();
    if (answer !== undefined && answer !== null && answer !== false) {
      return answer as Exclude<T, undefined | null | false>;
    }
    if (performance.now() > endMs) throw new Error(`waited ${boundMs} ms in vain for: ${what}`);
    await sleep(options.everyMs ?? 10);
  }
}

/** The promise's value, or an error that names what did not happen in time. */
export async function within<T>(what: string, boundMs: number, promise: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const late = sleep(boundMs, undefined, { signal: timer.signal }).then(
    () => Promise.reject(new Error(`not within ${boundMs} ms: ${what}`)),
    () => new Promise<never>(() => {}),
  );
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.abort();
  }
}
