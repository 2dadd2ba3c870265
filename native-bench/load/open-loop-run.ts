/** One run of the open loop: what is due is started, what comes back is judged and counted. In the driver's process. */
import { nowUs } from './clock-us.ts';
import { DriverPool, type Exchange } from './driver-pool.ts';
import { Latencies } from './latencies.ts';
import type { OpenLoopOptions } from './open-loop-options.ts';
import { rawRequest } from './requests.ts';
import { SseEvents } from './sse-events.ts';

export class OpenLoopRun {
  readonly options: OpenLoopOptions;
  readonly pool: DriverPool;
  readonly total = new Latencies();
  readonly first = new Latencies();
  readonly gap = new Latencies();
  readonly eventDelay = new Latencies();
  offered = 0;
  answered = 0;
  waited = 0;
  notStarted = 0;
  failed = 0;
  firstFailure: string | null = null;
  /** Started and not settled. */
  inFlight = 0;
  onSettled: () => void = () => {};

  constructor(options: OpenLoopOptions) {
    this.options = options;
    const { url, keys, bodyBytes, stream, headers } = options;
    const requests = keys.map((key) => rawRequest(url, { key, bodyBytes, stream }, headers));
    const request = (index: number): Buffer => requests[index % requests.length]!;
    this.pool = new DriverPool({ url, connectionsMax: options.connectionsMax, request });
  }

  /** `counts`: beyond the warm-up. */
  begin(index: number, intendedUs: number, counts: boolean): void {
    if (counts) this.offered++;
    if (this.pool.waiting >= this.options.waitingMax) {
      if (counts) this.notStarted++;
      return;
    }
    this.inFlight++;
    const exchange = this.options.stream
      ? new StreamExchange(this, intendedUs, counts)
      : new JsonExchange(this, intendedUs, counts);
    if (!this.pool.start(index, exchange) && counts) this.waited++;
  }

  settled(counts: boolean, failure: string | null): void {
    this.inFlight--;
    if (failure !== null) {
      this.failed++;
      this.firstFailure ??= failure;
    } else if (counts) {
      this.answered++;
    }
    this.onSettled();
  }
}

/** One request from its intended start to its judgement. */
abstract class Judged implements Exchange {
  protected readonly run: OpenLoopRun;
  protected readonly intendedUs: number;
  protected readonly counts: boolean;
  protected status = 0;

  constructor(run: OpenLoopRun, intendedUs: number, counts: boolean) {
    this.run = run;
    this.intendedUs = intendedUs;
    this.counts = counts;
  }

  onHead(status: number): void {
    this.status = status;
  }

  abstract onBody(bytes: Buffer): void;
  abstract onEnd(): void;

  onBroken(why: string): void {
    this.run.settled(this.counts, why);
  }
}

class JsonExchange extends Judged {
  readonly #body: Buffer[] = [];

  onBody(bytes: Buffer): void {
    this.#body.push(bytes);
  }

  onEnd(): void {
    const us = nowUs() - this.intendedUs;
    const body = Buffer.concat(this.#body);
    const right = this.status === 200 && body.includes(this.run.options.expect);
    if (right && this.counts) this.run.total.record(us);
    this.run.settled(this.counts, right ? null : `${this.status} ${body.toString('utf8', 0, 200)}`);
  }
}

class StreamExchange extends Judged {
  readonly #events = new SseEvents();
  #lastUs = 0;
  /** Of an answer that is no stream, for the message. */
  #opening = '';

  onBody(bytes: Buffer): void {
    if (this.status !== 200) this.#opening ||= bytes.toString('utf8', 0, 200);
    const arrivedUs = nowUs();
    this.#events.push(bytes, (sentUs) => this.#event(arrivedUs, sentUs));
  }

  #event(arrivedUs: number, sentUs: number | null): void {
    const { first, gap, eventDelay, options } = this.run;
    if (this.counts) {
      if (this.#lastUs === 0) first.record(arrivedUs - this.intendedUs);
      else gap.record(arrivedUs - this.#lastUs - options.paceMs * 1_000);
      if (sentUs !== null) eventDelay.record(arrivedUs - sentUs);
    }
    this.#lastUs = arrivedUs;
  }

  onEnd(): void {
    const { events, ended } = this.#events;
    const right = this.status === 200 && ended && events === this.run.options.events;
    if (right && this.counts) this.run.total.record(nowUs() - this.intendedUs);
    const what = `${this.status}, ${events} events, ${ended ? 'ended' : 'without its end'} ${this.#opening}`;
    this.run.settled(this.counts, right ? null : what);
  }
}
