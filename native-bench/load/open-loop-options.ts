/** What the open loop is asked for and what it answers, each as one JSON line. */
import type { LatencySummary } from './latencies.ts';
import type { RequestShape } from './requests.ts';

export interface OpenLoopOptions extends Omit<RequestShape, 'key'> {
  url: string;
  /** Used one after the other. */
  keys: string[];
  /** Sent beside those of every request. */
  headers: Record<string, string>;
  /**
   * Requests a second, whatever becomes of them. Null: each connection asks again once it is answered, which hides what a stall does to
   * those who would have come: only for the latency of an idle machine.
   */
  ratePerSecond: number | null;
  seconds: number;
  /** Before them, sent and checked but not in the figures. */
  warmUpSeconds: number;
  connectionsMax: number;
  /** Requests that may wait for a connection; the next are not started, and counted. */
  waitingMax: number;
  /** What an answer must contain. */
  expect: string;
  /** Content events of a stream, and the sender's pace. */
  events: number;
  paceMs: number;
  /** For answers that are open when the time is over. */
  drainMs: number;
  /**
   * 99 of 100 requests must be known to be due no later than this after they were, or the run tells nothing. Without a rate: the delay
   * of the driver's event loop at its 90th percentile.
   */
  lagMaxMs: number;
}

export const OPEN_LOOP_DEFAULTS: Omit<OpenLoopOptions, 'url' | 'keys'> = {
  bodyBytes: 1024,
  stream: false,
  headers: {},
  ratePerSecond: 200,
  seconds: 5,
  warmUpSeconds: 1,
  connectionsMax: 1_000,
  waitingMax: 10_000,
  expect: '"type":"message"',
  events: 0,
  paceMs: 0,
  drainMs: 10_000,
  lagMaxMs: 5,
};

export interface OpenLoopResult {
  /** Due in the time that counts. */
  offered: number;
  answered: number;
  /** Waited for a connection before they were sent: in their latency. */
  waited: number;
  /** More waited than may: never sent. */
  notStarted: number;
  /** Answered otherwise than expected, or not at all. */
  failed: number;
  firstFailure: string | null;
  resent: number;
  seconds: number;
  /** From the intended start of a request to the end of its answer, and to its first content event. */
  total: LatencySummary;
  first: LatencySummary;
  /** By how much longer than the sender's pace the time between two events was. */
  gap: LatencySummary;
  /** From the stamp of the sender to the arrival. */
  eventDelay: LatencySummary;
  /** From the moment at which a request was due to the driver's knowing it. */
  lag: LatencySummary;
  /** Delay of the driver's event loop by its own timer, 99th percentile. */
  loopDelayUs: number;
  /** Null: the driver kept its times. Else why this run tells nothing. */
  invalid: string | null;
}
