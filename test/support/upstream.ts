/**
 * The scripted upstream of the behaviour tests: an Anthropic-shaped server in the test's own process that does what its script
 * says (pace, cut, stall, reset, refuse) and keeps a ledger of what it served, against which the gateway's books are compared.
 *
 * A request is recorded when its body is read, gets a `Plan` from `upstream.plan`, and leaves one `Served` entry when its
 * answer has ended in whatever way.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type AnswerUsage, cutAnywhere, errorBody, jsonMessage, streamFrames } from './anthropic-answer.ts';
import { waitFor } from './wait-for.ts';

/** What to do with one request; everything left out is an ordinary whole answer. */
export interface Plan {
  status?: number;
  headers?: Record<string, string>;
  /** Exactly these bytes instead of a made answer; several are its pieces. */
  body?: Buffer | readonly Buffer[];
  /** The same, one write each. */
  pieces?: Buffer[];
  /** Text deltas of the answer, and characters of each. */
  events?: number;
  eventChars?: number;
  thinking?: boolean;
  tool?: boolean;
  usage?: Partial<AnswerUsage>;
  /** Pause between pieces. */
  paceMs?: number;
  /** Nothing is answered before this signal. */
  holdUntil?: AbortSignal;
  /** Pause before the headers. */
  headersAfterMs?: number;
  /** Cut the answer into pieces of at most so many bytes, anywhere. Else one piece a frame. */
  cutBytesMax?: number;
  /** Break the answer: before its headers, or once so many pieces (all of them: in place of its end) have been written. */
  breakAt?: 'headers' | number;
  /** `stall`: silence until the other side leaves. `reset`: TCP RST. `end`: an orderly end that is too early. */
  breakHow?: 'stall' | 'reset' | 'end';
  /**
   * What comes from piece `restAt` on waits for this signal; by itself the break or the end of the answer does. An answer that
   * breaks while nothing of it has left the gateway is another account's turn, so a test that means another break waits for its reader.
   */
  restAfter?: AbortSignal;
  restAt?: number;
}

/** A request as it arrived. */
export interface Received {
  index: number;
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  rawHeaders: string[];
  body: Buffer;
  /** Fields of the body, null when it has none or is no JSON. */
  model: string | null;
  stream: boolean;
  /** `metadata.user_id`: how tests tell their requests apart, as the gateway must not change a body. */
  label: string;
  /** The account's credential. */
  apiKey: string;
}

/** One entry of the ledger. */
export interface Served {
  requestId: string;
  label: string;
  apiKey: string;
  model: string | null;
  stream: boolean;
  status: number;
  usage: AnswerUsage;
  sha256: string;
  bytes: number;
  /** `left`: the other side closed first. */
  ending: 'whole' | 'broken' | 'left';
}

export interface UpstreamTotals {
  requests: number;
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  cacheWriteTokens: number;
}

export interface UpstreamOptions {
  plan?: (request: Received) => Plan;
  /** Serve TLS with the self-signed certificate beside this file, or with another file there. */
  tls?: boolean | string;
}

const RESET_AFTER_MS = 200;

const ERROR_TYPES: Record<number, string> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  422: 'invalid_request_error',
  429: 'rate_limit_error',
  529: 'overloaded_error',
};

export class Upstream {
  /** Replaced by tests at will. */
  plan: (request: Received) => Plan;
  readonly received: Received[] = [];
  readonly ledger: Served[] = [];
  connections = 0;
  /** Answers open now and at most, by account credential. */
  readonly open = new Map<string, number>();
  readonly openMax = new Map<string, number>();
  readonly url: string;
  readonly #server: ReturnType<typeof createServer>;
  readonly #sockets = new Set<Socket>();
  readonly #leave = new AbortController();

  private constructor(server: ReturnType<typeof createServer>, url: string, plan: (request: Received) => Plan) {
    this.#server = server;
    this.url = url;
    this.plan = plan;
    server.on('request', (request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
    server.on(url.startsWith('https') ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.connections++;
      this.#sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  static async start(options: UpstreamOptions = {}): Promise<Upstream> {
    const pemFile = options.tls === true ? 'self-signed.pem' : options.tls;
    const pem = pemFile ? readFileSync(new URL(`./${pemFile}`, import.meta.url)) : null;
    const server = pem === null ? createServer() : createTlsServer({ key: pem, cert: pem });
    server.keepAliveTimeout = 60_000;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    const { port } = server.address() as AddressInfo;
    const url = `${pem === null ? 'http' : 'https'}://127.0.0.1:${port}`;
    return new Upstream(server as ReturnType<typeof createServer>, url, options.plan ?? (() => ({})));
  }

  /** Sums over the whole answers of status 200 that the ledger holds from entry `since` on. */
  totals(since = 0): UpstreamTotals {
    const sums: UpstreamTotals = {
      requests: 0,
      inputTokens: 0,
      outputTokens: 0,
      cacheReadTokens: 0,
      cacheWriteTokens: 0,
    };
    for (const { status, usage, ending } of this.ledger.slice(since)) {
      if (status !== 200 || ending !== 'whole') continue;
      sums.requests++;
      sums.inputTokens += usage.inputTokens;
      sums.outputTokens += usage.outputTokens;
      sums.cacheReadTokens += usage.cacheReadTokens;
      sums.cacheWriteTokens += usage.cacheWrite5mTokens + usage.cacheWrite1hTokens;
    }
    return sums;
  }

  /** The one answer that was served to the request with this label. */
  served(label: string): Promise<Served> {
    return waitFor(`an answer served to "${label}"`, () => this.ledger.find((entry) => entry.label === label));
  }

  openNow(): number {
    return [...this.open.values()].reduce((sum, count) => sum + count, 0);
  }

  /** Cuts every connection by RST, as a crashed host would. */
  resetAll(): void {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  async close(): Promise<void> {
    this.#leave.abort();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    // The gateway opens its first connections with a HEAD; that is no request of a client.
    if (request.method === 'HEAD') return void response.writeHead(404).end();
    const received = this.#receive(request, Buffer.concat(chunks));
    this.#count(received.apiKey, 1);
    const entry = this.#entry(received);
    try {
      await this.#answer(response, this.plan(received), { received, entry });
    } catch {
      entry.ending = 'left';
    } finally {
      this.#count(received.apiKey, -1);
      this.ledger.push(entry);
    }
  }

  #receive(request: IncomingMessage, body: Buffer): Received {
    let fields: Record<string, unknown> = {};
    try {
      fields = Object(JSON.parse(body.toString('utf8')));
    } catch {}
    const { metadata, model, stream } = fields as { metadata?: { user_id?: string }; model?: string; stream?: boolean };
    const received: Received = {
      index: this.received.length,
      method: request.method ?? '',
      url: request.url ?? '',
      headers: request.headers,
      rawHeaders: request.rawHeaders,
      body,
      model: model ?? null,
      stream: stream === true,
      label: metadata?.user_id ?? '',
      apiKey: String(request.headers['x-api-key'] ?? request.headers.authorization ?? ''),
    };
    this.received.push(received);
    return received;
  }

  #count(apiKey: string, by: number): void {
    const open = (this.open.get(apiKey) ?? 0) + by;
    this.open.set(apiKey, open);
    this.openMax.set(apiKey, Math.max(open, this.openMax.get(apiKey) ?? 0));
  }

  #entry(received: Received): Served {
    const { label, apiKey, model, stream, index } = received;
    const requestId = `req_up_${index}`;
    const usage = { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWrite5mTokens: 0, cacheWrite1hTokens: 0 };
    return { requestId, label, apiKey, model, stream, status: 0, usage, sha256: '', bytes: 0, ending: 'whole' };
  }

  async #answer(response: ServerResponse, plan: Plan, call: { received: Received; entry: Served }): Promise<void> {
    const { entry } = call;
    entry.status = plan.status ?? 200;
    if (plan.holdUntil) await this.#hold(response, plan.holdUntil);
    if (plan.headersAfterMs) await this.#pause(response, plan.headersAfterMs);
    if (plan.breakAt === 'headers') return this.#break(response, plan, entry);
    const pieces = answerPieces(plan, call.received, entry);
    const isStream = entry.status === 200 && entry.stream;
    response.writeHead(entry.status, {
      'content-type': isStream ? 'text/event-stream; charset=utf-8' : 'application/json',
      'request-id': entry.requestId,
      ...(isStream || plan.breakAt !== undefined ? {} : { 'content-length': String(byteLength(pieces)) }),
      ...plan.headers,
    });
    response.flushHeaders();
    const hash = createHash('sha256');
    const restAt = plan.restAt ?? plan.breakAt ?? pieces.length;
    const rest = async (index: number): Promise<void> => {
      if (index === restAt && plan.restAfter) await this.#hold(response, plan.restAfter);
    };
    for (const [index, piece] of pieces.entries()) {
      await rest(index);
      if (index === plan.breakAt) return this.#break(response, plan, entry);
      if (plan.paceMs && index > 0) await this.#pause(response, plan.paceMs);
      await writePiece(response, piece, plan.cutBytesMax !== undefined);
      hash.update(piece);
      entry.bytes += piece.length;
      entry.sha256 = hash.copy().digest('hex');
    }
    await rest(pieces.length);
    if (plan.breakAt === pieces.length) return this.#break(response, plan, entry);
    await new Promise<void>((resolve) => {
      response.once('close', resolve);
      response.end(resolve);
    });
  }

  /** Throws when the other side leaves meanwhile. */
  async #hold(response: ServerResponse, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    await new Promise<void>((resolve, reject) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
      response.once('close', () => reject(new Error('left')));
    });
  }

  async #break(response: ServerResponse, plan: Plan, entry: Served): Promise<void> {
    entry.ending = 'broken';
    if (plan.breakHow === 'reset') {
      // A reset discards what the other side has not read yet.
      if (response.headersSent) await this.#pause(response, RESET_AFTER_MS);
      response.socket?.resetAndDestroy();
    } else if (plan.breakHow === 'end') {
      if (response.headersSent) response.end();
      else response.destroy();
    } else {
      await new Promise<void>((resolve) => {
        response.once('close', resolve);
        this.#leave.signal.addEventListener('abort', () => resolve(), { once: true });
      });
      entry.ending = 'left';
    }
  }

  /** Throws when the other side leaves meanwhile. */
  async #pause(response: ServerResponse, ms: number): Promise<void> {
    const left = new AbortController();
    const leave = (): void => left.abort();
    response.once('close', leave);
    try {
      await sleep(ms, undefined, { signal: AbortSignal.any([left.signal, this.#leave.signal]) });
    } finally {
      response.off('close', leave);
    }
  }
}

function byteLength(pieces: Buffer[]): number {
  return pieces.reduce((sum, piece) => sum + piece.length, 0);
}

/** The bytes of the answer; fills in the entry's usage. */
function answerPieces(plan: Plan, received: Received, entry: Served): Buffer[] {
  if (plan.pieces !== undefined) return plan.pieces;
  if (plan.body !== undefined) {
    entry.usage = { ...entry.usage, ...plan.usage };
    const pieces = Buffer.isBuffer(plan.body) ? [plan.body] : [...plan.body];
    return plan.cutBytesMax === undefined
      ? pieces
      : cutAnywhere(Buffer.concat(pieces), received.index, plan.cutBytesMax);
  }
  if (entry.status !== 200) {
    const type = ERROR_TYPES[entry.status] ?? 'api_error';
    return [errorBody(type, `scripted ${entry.status}`, entry.requestId)];
  }
  const events = plan.events ?? 8;
  entry.usage = { ...entry.usage, inputTokens: 11 + received.index, outputTokens: 3 + events, ...plan.usage };
  const shape = {
    id: `msg_${received.index}`,
    model: received.model ?? '',
    usage: entry.usage,
    events,
    eventChars: plan.eventChars ?? 24,
    thinking: plan.thinking === true,
    tool: plan.tool === true,
  };
  const frames = received.stream ? streamFrames(shape) : [jsonMessage(shape)];
  return plan.cutBytesMax === undefined ? frames : cutAnywhere(Buffer.concat(frames), received.index, plan.cutBytesMax);
}

/** Writes one piece; resolves when it has room to go on, rejects when the other side has left. */
async function writePiece(response: ServerResponse, piece: Buffer, apart: boolean): Promise<void> {
  if (response.destroyed || response.socket?.destroyed) throw new Error('left');
  const room = response.write(piece);
  if (!room) {
    await new Promise<void>((resolve, reject) => {
      response.once('drain', resolve);
      response.once('close', () => reject(new Error('left')));
    });
  } else if (apart) {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}
