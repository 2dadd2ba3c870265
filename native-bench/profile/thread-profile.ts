/** What one thread reports of its own profile: the shape of the files that `thread-profiler.ts` writes and the summary reads. */

export interface ThreadProfile {
  /** `primary`, `front-0`, `usage-writer`, … */
  thread: string;
  wallMs: number;
  /** CPU time that the kernel counted for this thread. */
  userMs: number;
  systemMs: number;
  /** Pauses of this thread for the garbage collector, and how many. */
  gcMs: number;
  gcCount: number;
  /** As DevTools and `--cpu-prof` have it. */
  cpu: CpuProfile | null;
  /** As DevTools and `--heap-prof` have it: sizes are bytes allocated, whether they live on or not. */
  heap: HeapProfile | null;
}

export interface CallFrame {
  functionName: string;
  url: string;
  /** From 0. */
  lineNumber: number;
}

export interface CpuProfile {
  nodes: { id: number; callFrame: CallFrame; children?: number[] }[];
  /** Microseconds. */
  startTime: number;
  endTime: number;
  /** Node ids, and microseconds since the sample before. */
  samples: number[];
  timeDeltas: number[];
}

export interface HeapNode {
  callFrame: CallFrame;
  selfSize: number;
  children: HeapNode[];
}

export interface HeapProfile {
  head: HeapNode;
}

export const PROFILE_ENV = 'BENCH_PROFILE';

/** Travels in `PROFILE_ENV` as JSON. */
export interface ProfileOrder {
  /** Where each thread leaves `<thread>.ready`, `<thread>.started`, then `<thread>.json`. */
  folder: string;
  kind: 'cpu' | 'heap';
}
