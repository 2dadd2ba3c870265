/**
 * One HTTP request with a bounded answer, by Node's own client: what media jobs ask of upstreams, apart from the relay path and its
 * pools. Follows no redirect. Primary only.
 */
import {
  type Agent,
  type ClientRequest,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
} from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';

export interface HttpCall {
  method: 'GET' | 'POST';
  url: URL;
  headers: Record<string, string>;
  body: Uint8Array | null;
  /** PEM of the only authority trusted; null trusts the public ones. */
  ca: string | null;
  agent: Agent | false;
  /** For the whole call, the wait for one of the agent's connections included. */
  timeoutMs: number;
  /** Of the answer's body; a longer one is an error. */
  bytesMax: number;
  signal: AbortSignal;
  lookup?: LookupFunction;
}

export interface HttpAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/**
 * Rejects with an error whose `code` tells what happened; its own are `ANSWER_TOO_LARGE`, `ABORT_ERR`, `UND_ERR_HEADERS_TIMEOUT`, and
 * `UND_ERR_CONNECT_TIMEOUT` while no connection was there: then nothing has been sent.
 */
export function callHttp(call: HttpCall): Promise<HttpAnswer> {
  const { method, url, headers, body, ca, agent, timeoutMs, signal, lookup } = call;
  const deadline = AbortSignal.timeout(timeoutMs);
  const over = AbortSignal.any([signal, deadline]);
  const options = {
    method,
    agent,
    signal: over,
    headers: { ...headers, ...(body === null ? {} : { 'content-length': String(body.byteLength) }) },
    ...(ca === null ? {} : { ca }),
    ...(lookup === undefined ? {} : { lookup }),
  };
  return new Promise((resolve, reject) => {
    let connected = false;
    const late = (): Error =>
      connected
        ? coded('the answer did not come in time', 'UND_ERR_HEADERS_TIMEOUT')
        : coded('no connection was there in time', 'UND_ERR_CONNECT_TIMEOUT');
    const fail = (error: NodeJS.ErrnoException): void => reject(deadline.aborted ? late() : error);
    const answered = (response: IncomingMessage): void => {
      readBody(response, call.bytesMax).then(
        (bytes) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: bytes }),
        fail,
      );
    };
    // Of one that waits for a connection Node tells only when it would get one.
    const giveUp = (): void => fail(coded('the call was given up', 'ABORT_ERR'));
    over.addEventListener('abort', giveUp, { once: true });
    const make = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request: ClientRequest = make(url, options, answered);
    request.on('error', fail);
    // A signal that has a listener lives until its time is over, and the body with it.
    request.on('close', () => over.removeEventListener('abort', giveUp));
    request.on('socket', (socket) => {
      const made = (): void => {
        connected = true;
      };
      if (socket.connecting) socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', made);
      else made();
    });
    request.end(body ?? undefined);
  });
}

async function readBody(response: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > bytesMax) throw coded(`the answer is longer than ${bytesMax} bytes`, 'ANSWER_TOO_LARGE');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function coded(message: string, code: string): NodeJS.ErrnoException {
  return Object.assign(new Error(message), { code });
}
