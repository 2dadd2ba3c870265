/**
 * The built-in upstream of the demo: answers in the shape of the Anthropic Messages API, on a free loopback port, so that a
 * fresh clone relays something before anybody has an account. Runs on the thread that starts it, next to the gateway.
 * Never talks to the network and never checks credentials: any key will do.
 */
import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface MockUpstream {
  /** Base URL without a trailing slash. */
  url: string;
  /** Ends open answers at once and frees the port. */
  close(): Promise<void>;
}

const BODY_BYTES_MAX = 33_554_432;
/** Pause between two text deltas: slow enough to see the stream flow, fast enough not to wait for. */
const DELTA_PACE_MS = 25;
/** Rule of thumb for English text and code. */
const BYTES_PER_TOKEN = 4;
const MODELS = ['claude-opus-4-6', 'claude-sonnet-4-6', 'claude-haiku-4-5'];
const SENTENCES = [
  'Hello from the mock upstream that ships with Penstock. ',
  'No model was asked: this text is made up on your own machine, token counts included. ',
  'Add an account with a real API key to talk to a real model.',
];

interface MessageRequest {
  model: string;
  stream: boolean;
  maxTokens: number;
}

interface MockUsage {
  input_tokens: number;
  cache_creation_input_tokens: number;
  cache_read_input_tokens: number;
  output_tokens: number;
}

/** Starts the mock on a free loopback port. Rejects when no port can be bound. */
export async function startMockUpstream(): Promise<MockUpstream> {
  const server = createServer((request, response) => {
    route(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => closeServer(server) };
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? '/').split('?', 1)[0];
  response.setHeader('request-id', `req_mock_${randomBytes(12).toString('hex')}`);
  if (path === '/v1/models' && request.method === 'GET') {
    sendJson(response, 200, modelList());
  } else if (path === '/v1/messages' && request.method === 'POST') {
    await answerMessage(request, response);
  } else {
    sendError(response, 404, 'not_found_error', 'The mock upstream serves POST /v1/messages and GET /v1/models.');
  }
}

function modelList(): object {
  const data = MODELS.map((id) => ({
    type: 'model',
    id,
    display_name: `${id} (mock)`,
    created_at: '2026-01-01T00:00:00Z',
  }));
  return { data, has_more: false, first_id: MODELS[0], last_id: MODELS.at(-1) };
}

async function answerMessage(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await readBody(request);
  if (body === null) {
    response.setHeader('connection', 'close');
    sendError(response, 413, 'request_too_large', 'Request exceeds the maximum size.');
    return;
  }
  const message = parseRequest(body);
  if (typeof message === 'string') {
    sendError(response, 400, 'invalid_request_error', message);
    return;
  }
  const sentences = cutToTokens(SENTENCES, message.maxTokens);
  const usage: MockUsage = {
    input_tokens: Math.max(1, Math.ceil(body.length / BYTES_PER_TOKEN)),
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    output_tokens: countTokens(sentences),
  };
  const stopReason = usage.output_tokens < countTokens(SENTENCES) ? 'max_tokens' : 'end_turn';
  if (message.stream) await sendStream(response, { model: message.model, sentences, usage, stopReason });
  else sendJson(response, 200, wholeMessage(message.model, sentences, usage, stopReason));
}

/** The whole body, or null when it is larger than the real API takes. */
async function readBody(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The fields the mock acts on, or the text of the complaint. */
function parseRequest(body: Buffer): MessageRequest | string {
  let fields: Record<string, unknown>;
  try {
    fields = Object(JSON.parse(body.toString('utf8')));
  } catch {
    return 'The request body is not valid JSON.';
  }
  const { model, max_tokens: maxTokens, messages, stream } = fields;
  if (typeof model !== 'string' || model === '') return 'model: Field required';
  if (typeof maxTokens !== 'number' || !Number.isInteger(maxTokens) || maxTokens < 1) {
    return 'max_tokens: Input should be an integer greater than or equal to 1';
  }
  if (!Array.isArray(messages) || messages.length === 0) return 'messages: at least one message is required';
  return { model, maxTokens, stream: stream === true };
}

function countTokens(sentences: string[]): number {
  return Math.ceil(sentences.join('').length / BYTES_PER_TOKEN);
}

function cutToTokens(sentences: string[], tokensMax: number): string[] {
  const kept: string[] = [];
  let room = tokensMax * BYTES_PER_TOKEN;
  for (const sentence of sentences) {
    if (room <= 0) break;
    kept.push(sentence.slice(0, room));
    room -= sentence.length;
  }
  return kept;
}

function emptyMessage(model: string, usage: MockUsage): object {
  return {
    id: `msg_mock_${randomBytes(12).toString('hex')}`,
    type: 'message',
    role: 'assistant',
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage,
  };
}

function wholeMessage(model: string, sentences: string[], usage: MockUsage, stopReason: string): object {
  const content = [{ type: 'text', text: sentences.join('') }];
  return { ...emptyMessage(model, usage), content, stop_reason: stopReason };
}

interface StreamPlan {
  model: string;
  sentences: string[];
  usage: MockUsage;
  stopReason: string;
}

/** The full order of events that the real API sends, one text delta a word, at a small pace. */
async function sendStream(response: ServerResponse, plan: StreamPlan): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' });
  const emit = (event: { type: string; [field: string]: unknown }): boolean =>
    response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  emit({ type: 'message_start', message: emptyMessage(plan.model, { ...plan.usage, output_tokens: 1 }) });
  emit({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } });
  emit({ type: 'ping' });
  for (const text of plan.sentences.join('').match(/\S+\s*/g) ?? []) {
    await pace(response);
    if (response.destroyed) return;
    emit({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } });
  }
  emit({ type: 'content_block_stop', index: 0 });
  const delta = { stop_reason: plan.stopReason, stop_sequence: null };
  emit({ type: 'message_delta', delta, usage: plan.usage });
  emit({ type: 'message_stop' });
  response.end();
}

/** One pause, cut short when the client leaves. */
function pace(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const finish = (): void => {
      clearTimeout(timer);
      response.off('close', finish);
      resolve();
    };
    const timer = setTimeout(finish, DELTA_PACE_MS);
    response.once('close', finish);
  });
}

function sendJson(response: ServerResponse, status: number, value: object): void {
  const body = JSON.stringify(value);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

function sendError(response: ServerResponse, status: number, type: string, message: string): void {
  sendJson(response, status, {
    type: 'error',
    error: { type, message },
    request_id: response.getHeader('request-id'),
  });
}
