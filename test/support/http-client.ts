/**
 * A plain HTTP client for behaviour tests: whole answers as bytes, open answers to read or abandon, and raw sockets for requests
 * that no client library would send. Unless an agent is given every request has its own connection, so that requests spread
 * over the fronts.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { waitFor, within } from './wait-for.ts';

export interface Call {
  method?: string;
  path?: string;
  key?: string;
  headers?: Record<string, string | string[]>;
  /** An object is sent as JSON. */
  body?: object | string | Buffer;
  agent?: Agent;
  /** Source address, for IP rules: all of 127.0.0.0/8 is ours. */
  localAddress?: string;
  boundMs?: number;
  /** Aborted once something of the answer's body is here: the signal that `Plan.restAfter` of an upstream waits for. */
  begun?: AbortController;
}

export interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
  sha256: string;
  /** False when the connection broke before the end of the body. */
  whole: boolean;
  /** Which front answered. */
  front: string;
  requestId: string;
  ms: number;
  json(): ApiError & Record<string, unknown>;
  events(): SseEvent[];
}

export interface ApiError {
  type: string;
  error: { type: string; message: string };
  request_id: string;
}

export interface SseEvent {
  event: string;
  data: Record<string, unknown>;
}

/** Default model of the tests: one that the shipped price table knows. */
export const MODEL = 'claude-haiku-4-5';

/** A request body; `label` lets the scripted upstream and the test tell requests apart. */
export function question(label: string, fields: object = {}): object {
  return {
    model: MODEL,
    max_tokens: 256,
    messages: [{ role: 'user', content: 'What does a penstock do?' }],
    metadata: { user_id: label },
    ...fields,
  };
}

/** An answer whose head has arrived. */
export async function open(base: string, call: Call): Promise<IncomingMessage> {
  const url = new URL(call.path ?? '/v1/messages', base);
  const body = encodeBody(call.body);
  const request = httpRequest(url, {
    method: call.method ?? 'POST',
    agent: call.agent ?? new Agent({ keepAlive: false }),
    ...(call.localAddress ? { localAddress: call.localAddress } : {}),
    headers: {
      ...(call.key ? { 'x-api-key': call.key } : {}),
      ...(body ? { 'content-type': 'application/json', 'content-length': String(body.length) } : {}),
      'anthropic-version': '2023-06-01',
      ...call.headers,
    },
  });
  const head = new Promise<IncomingMessage>((resolve, reject) => {
    request.on('response', resolve);
    request.on('error', reject);
  });
  request.end(body);
  try {
    return await within(`an answer to ${call.method ?? 'POST'} ${url.pathname}`, call.boundMs ?? 60_000, head);
  } catch (error) {
    request.destroy();
    throw error;
  }
}

function encodeBody(body: Call['body']): Buffer | undefined {
  if (body === undefined || Buffer.isBuffer(body)) return body;
  return Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
}

/** The whole answer. */
export async function send(base: string, call: Call): Promise<Answer> {
  const startMs = performance.now();
  const response = await open(base, call);
  response.once('data', () => call.begun?.abort());
  return finish(response, startMs, call.boundMs ?? 60_000);
}

/** Reads an open answer to its end; what was read of it before is not in the result. */
export async function finish(
  response: IncomingMessage,
  startMs = performance.now(),
  boundMs = 60_000,
): Promise<Answer> {
  const chunks: Buffer[] = [];
  response.on('data', (chunk: Buffer) => chunks.push(chunk));
  const closed = new Promise<void>((resolve) => {
    response.once('close', resolve);
    response.on('error', () => {});
  });
  response.resume();
  await within('the end of an answer', boundMs, closed).finally(() => response.destroy());
  const body = Buffer.concat(chunks);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body,
    sha256: createHash('sha256').update(body).digest('hex'),
    whole: response.complete,
    front: String(response.headers['x-penstock-front'] ?? ''),
    requestId: String(response.headers['x-penstock-request-id'] ?? ''),
    ms: performance.now() - startMs,
    json: () => JSON.parse(body.toString('utf8')),
    events: () => parseEvents(body),
  };
}

/** Frames of an SSE body that carry data. */
export function parseEvents(body: Buffer): SseEvent[] {
  const events: SseEvent[] = [];
  for (const block of body.toString('utf8').split('\n\n')) {
    const lines = block.split('\n');
    const data = lines.filter((line) => line.startsWith('data:')).map((line) => line.slice(5).trimStart());
    if (data.length === 0) continue;
    const event =
      lines
        .find((line) => line.startsWith('event:'))
        ?.slice(6)
        .trim() ?? '';
    events.push({ event, data: JSON.parse(data.join('\n')) });
  }
  return events;
}

/** Reads an open answer until its text contains `needle`; what has come so far is returned. */
export async function readUntil(response: IncomingMessage, needle: string, boundMs = 30_000): Promise<string> {
  let text = '';
  const found = new Promise<void>((resolve, reject) => {
    const onData = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      if (!text.includes(needle)) return;
      response.off('data', onData);
      response.pause();
      resolve();
    };
    response.on('data', onData);
    response.resume();
    response.once('close', () => reject(new Error(`the answer ended without "${needle}": ${text.slice(-300)}`)));
  });
  await within(`"${needle}" in an answer`, boundMs, found);
  return text;
}

/** A connection of our own, kept alive, that leads to one front. */
export interface PinnedAgent {
  front: string;
  agent: Agent;
}

/** Opens connections until `fronts` different fronts have answered; one agent each. Use them at once: idle ones are closed. */
export async function pinToFronts(base: string, fronts: number): Promise<PinnedAgent[]> {
  const found = new Map<string, Agent>();
  await waitFor(`connections to ${fronts} fronts`, async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    // Refused for its missing key: the cheapest answer that names its front.
    const { front } = await send(base, { body: {}, agent });
    if (front === '' || found.has(front)) agent.destroy();
    else found.set(front, agent);
    return found.size >= fronts;
  });
  return [...found].map(([front, agent]) => ({ front, agent }));
}

export interface RawAnswer {
  text: string;
  status: number;
  /** How long the peer kept the connection, when it closed it. */
  closed: boolean;
  ms: number;
}

/**
 * Writes bytes as they are and reads until the peer closes, an answer with content-length is whole, or the bound passes.
 * `pieces` go out one after another, each in its own tick.
 */
export async function sendRaw(base: string, pieces: (string | Buffer)[], boundMs = 15_000): Promise<RawAnswer> {
  const startMs = performance.now();
  const { hostname, port } = new URL(base);
  const socket: Socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.setNoDelay(true);
  let text = '';
  let closed = false;
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  socket.on('error', () => {});
  socket.on('close', () => {
    closed = true;
  });
  for (const piece of pieces) {
    socket.write(piece);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await waitFor('a raw answer or a close', () => closed || isWholeAnswer(text), { boundMs }).finally(() =>
    socket.destroy(),
  );
  return { text, status: Number(text.slice(9, 12)), closed, ms: performance.now() - startMs };
}

function isWholeAnswer(text: string): boolean {
  const head = text.indexOf('\r\n\r\n');
  if (head < 0) return false;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, head));
  return length !== null && text.length >= head + 4 + Number(length[1]);
}
