/**
 * A closed loop that reads every answer and says what a client has of it, for upstreams that fail on purpose: load programs count a
 * status and never notice half an answer that looks whole. In the caller's process.
 */
import { Agent } from 'node:http';
import { type Answer, finish, open } from '../../test/support/http-client.ts';
import { type RequestShape, requestBody, requestHeaders } from './requests.ts';

export interface JudgedLoop extends Omit<RequestShape, 'stream'> {
  url: string;
  connections: number;
  seconds: number;
  /** Every n-th request of a connection asks for a stream. */
  streamEvery: number;
  headers?: Record<string, string> | undefined;
}

export interface Judged {
  answers: number;
  /** Status 200 and a whole message. */
  whole: number;
  /** Status 200 and an end that no client takes for a whole message: the connection broke, or the stream ended in an error event. */
  broken: number;
  /** Error statuses with a body. */
  refused: Record<string, number>;
  /** Closed before a head came. */
  unanswered: number;
  /** No head or no end within the bound. */
  hung: number;
  /** What no client should ever get, each kind once: a part that looks whole, an error that cannot be read. */
  wrong: Record<string, number>;
}

const ANSWER_BOUND_MS = 10_000;
const LAST_FRAME = 'event: message_stop\n';
const ERROR_FRAME = 'event: error\n';

export function nothingJudged(): Judged {
  return { answers: 0, whole: 0, broken: 0, refused: {}, unanswered: 0, hung: 0, wrong: {} };
}

/** Counts into `judged`, and resolves with the number of answers, when the time is over and every open answer has ended or hung. */
export async function judgedLoop(loop: JudgedLoop, judged: Judged): Promise<number> {
  const before = judged.answers;
  const bodies = [false, true].map((stream) => Buffer.from(requestBody({ ...loop, stream })));
  const untilMs = performance.now() + loop.seconds * 1000;
  const client = async (first: number): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    for (let i = first; performance.now() < untilMs; i++) {
      const stream = i % loop.streamEvery === 0;
      await ask(loop, agent, bodies[stream ? 1 : 0]!, stream, judged);
    }
    agent.destroy();
  };
  await Promise.all(Array.from({ length: loop.connections }, (_, i) => client(i)));
  return judged.answers - before;
}

async function ask(loop: JudgedLoop, agent: Agent, body: Buffer, stream: boolean, judged: Judged): Promise<void> {
  judged.answers++;
  const headers = { ...requestHeaders(loop.key), ...loop.headers };
  try {
    const response = await open(loop.url, { body, headers, agent, boundMs: ANSWER_BOUND_MS });
    judge(await finish(response, 0, ANSWER_BOUND_MS), stream, judged);
  } catch (error) {
    // What hung has no code: it is our own bound that spoke.
    if ((error as { code?: string }).code === undefined) judged.hung++;
    else judged.unanswered++;
  }
}

export function judge(
  { status, whole, body }: Pick<Answer, 'status' | 'whole' | 'body'>,
  stream: boolean,
  into: Judged,
): void {
  if (status !== 200) {
    if (isError(body)) into.refused[status] = (into.refused[status] ?? 0) + 1;
    else note(into, `status ${status} without a readable error`);
  } else if (isMessage(body, stream) && whole) {
    into.whole++;
  } else if (!whole || (stream && body.includes(ERROR_FRAME))) {
    into.broken++;
  } else {
    note(into, stream ? 'a stream that ends without its last event' : 'a part that looks whole');
  }
}

function note(into: Judged, what: string): void {
  into.wrong[what] = (into.wrong[what] ?? 0) + 1;
}

function isMessage(body: Buffer, stream: boolean): boolean {
  if (!stream) return parsed(body)?.type === 'message';
  const at = body.indexOf(LAST_FRAME);
  return at >= 0 && body.indexOf('\n\n', at) >= 0;
}

/** Penstock and the mock speak the caller's protocol; a bare proxy has pages of its own, which are none of this contract. */
function isError(body: Buffer): boolean {
  return parsed(body)?.type === 'error' || body.includes('<html>');
}

function parsed(body: Buffer): { type?: unknown } | null {
  try {
    return JSON.parse(body.toString('utf8')) as { type?: unknown };
  } catch {
    return null;
  }
}
