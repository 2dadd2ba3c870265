/**
 * The load of the chaos scenarios: clients that ask one request after another, streaming and not, and note for every single one
 * what the client saw of it. Each request has a label that travels to the upstream (`metadata.user_id`) and into the gateway's
 * row (`x-request-id`), so that what was served and what was billed can be compared request by request.
 */
import { Agent } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { finish, open, question } from '../../test/support/http-client.ts';

/**
 * - `completed`: the client holds every byte of the message, whatever happened to the connection afterwards.
 * - `broken`: an answer began with status 200 and did not end, or ended with an error event.
 * - `refused`: an error status.
 * - `unanswered`: the connection failed before a head arrived; `cause` is the error's code.
 */
export type Ending = 'open' | 'completed' | 'broken' | 'refused' | 'unanswered';

export interface Asked {
  label: string;
  stream: boolean;
  startMs: number;
  endMs: number;
  ending: Ending;
  status: number;
  /** Which thread answered. */
  front: string;
  cause: string;
}

/** `cause` of a request that got neither an answer nor an error in time. */
export const HUNG = 'hung';

export interface TrafficOptions {
  base: string;
  key: string;
  clients: number;
  label: string;
  /** Share of streaming requests. */
  streams: number;
  /** A new connection for each request instead of kept ones. */
  fresh: boolean;
  headers?: Record<string, string>;
}

/** Longer than any wait for a place. */
const ANSWER_BOUND_MS = 45_000;
/** After a failure, so that a dead port is not asked ten thousand times a second. */
const PAUSE_MS = 100;

export class Traffic {
  readonly asked: Asked[] = [];
  completed = 0;
  readonly #options: TrafficOptions;
  readonly #done: Promise<unknown>;
  #stopped = false;

  constructor(options: TrafficOptions) {
    this.#options = options;
    this.#done = Promise.all(Array.from({ length: options.clients }, (_, client) => this.#client(client)));
  }

  /** No new requests; resolves when the open ones have ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#done;
  }

  async #client(client: number): Promise<void> {
    const { fresh, streams, label } = this.#options;
    const agent = new Agent({ keepAlive: !fresh, maxSockets: 1 });
    for (let i = 0; !this.#stopped; i++) {
      const stream = ((client * 7 + i) % 10) / 10 < streams;
      const { base, key, headers } = this.#options;
      const asked = await ask({ base, key, headers, agent, stream, label: `${label}-${client}-${i}` }, this.asked);
      if (asked.ending === 'completed') this.completed++;
      else await sleep(PAUSE_MS);
    }
    agent.destroy();
  }
}

export interface Ask {
  base: string;
  key: string;
  label: string;
  stream: boolean;
  agent?: Agent | undefined;
  headers?: Record<string, string> | undefined;
  boundMs?: number;
}

/** One request, noted in `into` from its start. Never throws. */
export async function ask({ boundMs = ANSWER_BOUND_MS, ...call }: Ask, into: Asked[]): Promise<Asked> {
  const { base, key, label, stream, agent } = call;
  const asked: Asked = {
    label,
    stream,
    startMs: performance.now(),
    endMs: 0,
    ending: 'open',
    status: 0,
    front: '',
    cause: '',
  };
  into.push(asked);
  try {
    const headers = { 'x-request-id': label, ...call.headers };
    const body = question(label, { stream });
    const response = await open(base, { key, body, headers, boundMs, ...(agent ? { agent } : {}) });
    const answer = await finish(response, asked.startMs, boundMs);
    asked.status = answer.status;
    asked.front = answer.front;
    if (answer.status !== 200) {
      asked.ending = 'refused';
      asked.cause = answer.body.toString('utf8').slice(0, 200);
    } else if (holdsMessage(answer.body, stream)) {
      asked.ending = 'completed';
    } else {
      asked.ending = 'broken';
      asked.cause = answer.body.subarray(-200).toString('utf8');
    }
  } catch (error) {
    asked.ending = 'unanswered';
    asked.cause = (error as { code?: string }).code ?? HUNG;
  }
  asked.endMs = performance.now();
  return asked;
}

const LAST_FRAME = 'event: message_stop\n';

/** Whether an application would take this for the whole message. */
function holdsMessage(body: Buffer, stream: boolean): boolean {
  if (stream) {
    const at = body.indexOf(LAST_FRAME);
    return at >= 0 && body.indexOf('\n\n', at) >= 0;
  }
  try {
    JSON.parse(body.toString('utf8'));
    return true;
  } catch {
    return false;
  }
}
