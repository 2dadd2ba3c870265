/**
 * JSON requests over kept connections of plain sockets, in the caller's process: each once in a closed loop (`askEach`), or at a
 * steady rate that goes round the connections (`askSteadily`). Any answer but 200 is an error.
 */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const ANSWER_BOUND_MS = 30_000;

/** One connection, one request at a time; what comes meanwhile waits for its turn. */
class KeptConnection {
  readonly #socket: Socket;
  #text = '';
  #turn: Promise<unknown> = Promise.resolve();
  #settle: { resolve(): void; reject(error: Error): void } | null = null;
  /** Why nothing can be asked any more: servers close what is idle. */
  #ended: Error | null = null;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.#socket = connect({ host: hostname, port: Number(port), noDelay: true });
    this.#socket.setTimeout(ANSWER_BOUND_MS);
    this.#socket.on('data', (chunk) => this.#take(chunk.toString('latin1')));
    for (const event of ['timeout', 'error', 'close'] as const) {
      this.#socket.on(event, () => this.#fail(new Error(`${url}: ${event} before the end of an answer`)));
    }
  }

  /** Resolves with the milliseconds from `fromMs` to the last byte of the answer. */
  ask(request: Buffer, fromMs: number | null = null): Promise<number> {
    const answered = this.#turn.then(async () => {
      const startMs = fromMs ?? performance.now();
      if (this.#ended !== null) throw this.#ended;
      await new Promise<void>((resolve, reject) => {
        this.#settle = { resolve, reject };
        this.#socket.write(request);
      });
      return performance.now() - startMs;
    });
    this.#turn = answered.catch(() => {});
    return answered;
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(text: string): void {
    this.#text += text;
    if (!isWhole(this.#text)) return;
    const status = this.#text.slice(9, 12);
    const answer = this.#text;
    this.#text = '';
    this.#end(status === '200' ? null : new Error(`answered ${answer.slice(0, 400)}`));
  }

  #fail(error: Error): void {
    this.#ended ??= error;
    this.#socket.destroy();
    this.#end(error);
  }

  #end(error: Error | null): void {
    const settle = this.#settle;
    this.#settle = null;
    if (error === null) settle?.resolve();
    else settle?.reject(error);
  }
}

function isWhole(text: string): boolean {
  const headEnd = text.indexOf('\r\n\r\n');
  if (headEnd === -1) return false;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, headEnd))?.[1];
  return length === undefined ? text.endsWith('0\r\n\r\n') : text.length >= headEnd + 4 + Number(length);
}

export class KeptConnections {
  readonly #all: KeptConnection[];

  constructor(url: string, count: number) {
    this.#all = Array.from({ length: count }, () => new KeptConnection(url));
  }

  /** Each request once, every connection the next as soon as it is answered. Milliseconds of each, in the order of the requests. */
  async askEach(requests: readonly Buffer[]): Promise<number[]> {
    const tookMs: number[] = [];
    let next = 0;
    const askOn = async (connection: KeptConnection): Promise<void> => {
      while (next < requests.length) {
        const index = next++;
        tookMs[index] = await connection.ask(requests[index]!);
      }
    };
    await Promise.all(this.#all.map(askOn));
    return tookMs;
  }

  /** The same request at a steady rate, on each connection in turn. Milliseconds of each from the moment at which it was due. */
  async askSteadily(request: Buffer, ratePerSecond: number, seconds: number): Promise<number[]> {
    const asked: Promise<number>[] = [];
    const total = Math.round(ratePerSecond * seconds);
    const startMs = performance.now();
    while (asked.length < total) {
      for (let due = dueOf(asked.length); due <= performance.now() && asked.length < total; due = dueOf(asked.length)) {
        const answer = this.#all[asked.length % this.#all.length]!.ask(request, due);
        answer.catch(() => {}); // told at the end, by whoever waits for all of them
        asked.push(answer);
      }
      await sleep(1);
    }
    return Promise.all(asked);

    function dueOf(index: number): number {
      return startMs + (index * 1000) / ratePerSecond;
    }
  }

  close(): void {
    for (const connection of this.#all) connection.close();
  }
}
