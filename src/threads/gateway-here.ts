/**
 * The gateway in the supervisor's own process, all roles on its main thread (`threads.fronts: 0`), so that what starts `src/main.ts`
 * (`node --inspect`, a profiler) sees the process and the thread that serve. Stands where `Succession` stands otherwise; nothing
 * is replaced: what would end a gateway process ends this one.
 */
import { once } from 'node:events';
import { mainThread } from './main-thread.ts';
import { makeGateway } from './primary.ts';
import type { GatewayLine, SuccessionParts } from './succession.ts';

export class GatewayHere implements GatewayLine {
  readonly #parts: SuccessionParts;
  readonly #restart = new AbortController();

  constructor(parts: SuccessionParts) {
    this.#parts = parts;
  }

  forkAhead(): void {}

  /** `checkReload` has refused it. */
  reload(): void {}

  /** Only another process could go on. */
  restart(): void {
    this.#parts.log.error('threads.fronts is 0, so that nothing replaces this process: it ends');
    this.#restart.abort();
  }

  kill(): void {}

  /** Runs until the gateway is stopped; resolves to the exit code. Throws StartupError when it does not start. */
  async run(): Promise<number> {
    const { stop, bounds, options, onReady } = this.#parts;
    const around = { threads: mainThread, onStuck: () => {}, tellPeer: () => {} };
    const { gateway } = makeGateway(options(), around);
    try {
      await gateway.prepare();
      onReady(process.pid, await gateway.takeOver(null));
    } catch (error) {
      await gateway.drain(0, true);
      throw error;
    }
    const end = AbortSignal.any([stop, this.#restart.signal]);
    if (!end.aborted) await once(end, 'abort');
    const { drainMs, marginMs } = bounds();
    this.#endWithin(drainMs + marginMs);
    await gateway.drain(drainMs, true);
    await gateway.leave();
    return stop.aborted ? 0 : 1;
  }

  /** What is in the journal by then is the next start's to book. */
  #endWithin(ms: number): void {
    setTimeout(() => {
      this.#parts.log.error(`The gateway did not end within ${ms} ms: its records are in the journal`);
      process.abort();
    }, ms).unref();
  }
}
