/** A bounded load of many small clients, half of them streaming, that counts how each request ended. */
import { Agent } from 'node:http';
import { KEY } from './gateway.ts';
import { finish, open, question } from './http-client.ts';

export interface LoadResult {
  sent: number;
  /** Status 200 and a whole answer. */
  completed: number;
  /** An error status, by status. */
  refused: Map<number, number>;
  /** The connection broke before an answer began. */
  unanswered: number;
  /** An answer began and did not end. */
  broken: number;
  /** Answers of each front. */
  fronts: Map<string, number>;
  details: string[];
}

export interface LoadOptions {
  clients: number;
  label: string;
  key?: string;
  /** Requests of each client; without it they go on until `stop`. */
  requestsEach?: number;
  /** A new connection for each request instead of kept ones. */
  freshConnections?: boolean;
  /** Share of streaming requests. */
  streams?: number;
  /** Stop a client after it could not connect. */
  endOnRefusedConnection?: boolean;
}

export class Load {
  readonly result: LoadResult = {
    sent: 0,
    completed: 0,
    refused: new Map(),
    unanswered: 0,
    broken: 0,
    fronts: new Map(),
    details: [],
  };
  readonly #base: string;
  readonly #options: LoadOptions;
  readonly #done: Promise<unknown>;
  #stopped = false;

  constructor(base: string, options: LoadOptions) {
    this.#base = base;
    this.#options = options;
    this.#done = Promise.all(Array.from({ length: options.clients }, (_, client) => this.#client(client)));
  }

  /** Resolves when every client has sent its requests. */
  async finished(): Promise<LoadResult> {
    await this.#done;
    return this.result;
  }

  /** No new requests; resolves when the open ones have ended. */
  stop(): Promise<LoadResult> {
    this.#stopped = true;
    return this.finished();
  }

  async #client(client: number): Promise<void> {
    const { freshConnections, requestsEach = Number.POSITIVE_INFINITY, streams = 0.5, label } = this.#options;
    const agent = new Agent({ keepAlive: freshConnections !== true, maxSockets: 1 });
    for (let i = 0; i < requestsEach && !this.#stopped; i++) {
      const stream = ((client + i) % 10) / 10 < streams;
      const reached = await this.#request(agent, question(`${label}-${client}-${i}`, { stream }), stream);
      if (!reached && this.#options.endOnRefusedConnection) break;
    }
    agent.destroy();
  }

  /** False when no connection could be made. */
  async #request(agent: Agent, body: object, stream: boolean): Promise<boolean> {
    const { result } = this;
    result.sent++;
    try {
      const key = this.#options.key ?? KEY;
      const answer = await finish(await open(this.#base, { key, body, agent, boundMs: 60_000 }));
      result.fronts.set(answer.front, (result.fronts.get(answer.front) ?? 0) + 1);
      if (answer.status !== 200) {
        result.refused.set(answer.status, (result.refused.get(answer.status) ?? 0) + 1);
        this.#note(answer.body.toString('utf8'));
      } else if (answer.whole && (!stream || answer.body.includes('event: message_stop'))) {
        result.completed++;
      } else {
        result.broken++;
        this.#note(answer.body.subarray(-300).toString('utf8'));
      }
      return true;
    } catch (error) {
      result.unanswered++;
      this.#note(String(error));
      return (error as { code?: string }).code !== 'ECONNREFUSED';
    }
  }

  #note(detail: string): void {
    if (this.result.details.length < 20) this.result.details.push(detail);
  }
}
