/**
 * How primary gets its threads. Ordinarily a worker each; `main-thread.ts` is the other way, in which the same roles run on the
 * calling thread. Either way they speak over their MessagePort, as `protocol.ts` has it. Primary only.
 */
import { Worker } from 'node:worker_threads';
import { frontHeapBytes } from '#config/limits.ts';
import type { FrontData, WriterData } from './protocol.ts';

const MIB = 1_048_576;

/** What primary sees of a thread beside its messages. */
export interface ThreadHandle {
  on(event: 'error', listener: (error: Error) => void): unknown;
  once(event: 'exit', listener: () => void): unknown;
}

export interface ThreadStarter {
  front(data: FrontData): ThreadHandle;
  writer(data: WriterData): ThreadHandle;
}

export const workerThreads: ThreadStarter = {
  front: (data) =>
    new Worker(new URL('./front-thread.ts', import.meta.url), {
      workerData: data,
      transferList: [data.port],
      name: `front-${data.index}`,
      resourceLimits: { maxOldGenerationSizeMb: Math.ceil(frontHeapBytes(data.config) / MIB) },
    }),
  writer: (data) =>
    new Worker(new URL('./usage-writer-thread.ts', import.meta.url), {
      workerData: data,
      transferList: [data.port],
      name: 'usage-writer',
    }),
};
