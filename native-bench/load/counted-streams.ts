/**
 * Streams over plain sockets, opened at once and read to their end: each must be answered 200 and have the events that its upstream sent,
 * no fewer and no more. In the caller's process.
 */
import { DriverPool, type Exchange } from './driver-pool.ts';

/** Of a refusal, to say why. */
const REFUSAL_CHARS = 300;

export interface CountedStreams {
  url: string;
  /** As its bytes on the wire. */
  request: Buffer;
  streams: number;
  /** Once in every event, and nowhere else. */
  mark: string;
  /** Of each stream. */
  events: number;
  boundMs: number;
}

/** Resolves with the events of all streams. Rejects, once all have ended or the bound has passed, when one was not as it should be. */
export async function countStreams({ url, request, streams, mark, events, boundMs }: CountedStreams): Promise<number> {
  const pool = new DriverPool({ url, connectionsMax: streams, request: () => request });
  let timer: NodeJS.Timeout | undefined;
  let open = streams;
  let wrong: string | null = null;
  try {
    await new Promise<void>((resolve) => {
      timer = setTimeout(resolve, boundMs);
      const ended = (why: string | null): void => {
        wrong ??= why;
        if (--open === 0) resolve();
      };
      for (let i = 0; i < streams; i++) pool.start(i, new CountedStream(mark, events, ended));
    });
  } finally {
    clearTimeout(timer);
    pool.close();
  }
  if (wrong !== null) throw new Error(`${url}: ${wrong}`);
  if (open > 0) throw new Error(`${url}: ${open} of ${streams} streams had not ended after ${boundMs} ms`);
  return streams * events;
}

class CountedStream implements Exchange {
  readonly #mark: string;
  readonly #expected: number;
  readonly #ended: (why: string | null) => void;
  #status = 0;
  #events = 0;
  /** Shorter than a mark, which may lie across two pieces; of a refusal its beginning. */
  #tail = '';

  constructor(mark: string, expected: number, ended: (why: string | null) => void) {
    this.#mark = mark;
    this.#expected = expected;
    this.#ended = ended;
  }

  onHead(status: number): void {
    this.#status = status;
  }

  onBody(bytes: Buffer): void {
    const text = this.#tail + bytes.toString('latin1');
    if (this.#status !== 200) {
      this.#tail = text.slice(0, REFUSAL_CHARS);
      return;
    }
    for (let at = text.indexOf(this.#mark); at >= 0; at = text.indexOf(this.#mark, at + 1)) this.#events++;
    this.#tail = text.slice(1 - this.#mark.length);
  }

  onEnd(): void {
    if (this.#status !== 200) this.#ended(`answered ${this.#status}: ${this.#tail}`);
    else if (this.#events !== this.#expected) this.#ended(`${this.#events} events for ${this.#expected}`);
    else this.#ended(null);
  }

  onBroken(why: string): void {
    this.#ended(`${why} (after ${this.#events} of ${this.#expected} events)`);
  }
}
