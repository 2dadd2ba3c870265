/**
 * The upstream that all contenders share, a process of its own: POST with `"stream":true` in the body gets paced SSE, any other a JSON
 * message. How it answers is told by `MockOptions` as one JSON argument. Prints its port once it listens, ends when its standard
 * input does.
 *
 *   node mock.ts '{"events":200,"paceMs":10}'
 */

import { App, type HttpResponse, SSLApp, us_socket_local_port } from '../rig/uws.ts';
import { nowUs } from './clock-us.ts';
import { MOCK_DEFAULTS, type MockOptions } from './mock-options.ts';

const options: MockOptions = { ...MOCK_DEFAULTS, ...JSON.parse(process.argv[2] ?? '{}') };

const USAGE = {
  input_tokens: 25,
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: 0,
  output_tokens: options.events,
};

/** Words of so many bytes. */
function words(bytes: number): string {
  return 'water under pressure '.repeat(Math.ceil(bytes / 21)).slice(0, bytes);
}

const MESSAGE = {
  id: 'msg_bench',
  type: 'message',
  role: 'assistant',
  model: 'claude-haiku-4-5',
  content: [{ type: 'text', text: words(options.jsonTextBytes) }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: USAGE,
};
const JSON_BODY = JSON.stringify(MESSAGE);
const OVERLOADED = JSON.stringify({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } });

function frame(event: { type: string; [field: string]: unknown }): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

const OPENING =
  frame({ type: 'message_start', message: { ...MESSAGE, content: [], stop_reason: null } }) +
  frame({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } });
function delta(text: string): string {
  return frame({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } });
}
const DELTA = delta(words(options.eventTextBytes));
const [STAMP_BEFORE = '', STAMP_AFTER = ''] = delta('t=STAMP').split('STAMP');
function nextDelta(): string {
  return options.stamped ? `${STAMP_BEFORE}${nowUs()}${STAMP_AFTER}` : DELTA;
}
const CLOSING =
  frame({ type: 'content_block_stop', index: 0 }) +
  frame({ type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: USAGE }) +
  frame({ type: 'message_stop' });

interface Stream {
  response: HttpResponse;
  sent: number;
  dueMs: number;
  /** Event before which the connection is reset; -1: never. */
  resetAt: number;
}

const streams = new Set<Stream>();

/** Each stream has its own phase, so that events of different streams do not arrive as one burst. */
setInterval(() => {
  const nowMs = performance.now();
  for (const stream of streams) {
    if (stream.dueMs > nowMs) continue;
    stream.dueMs += options.paceMs;
    step(stream);
  }
}, 1);

function step(stream: Stream): void {
  if (stream.sent === stream.resetAt) return void stream.response.close();
  stream.response.cork(() => {
    if (stream.sent++ < options.events) {
      stream.response.write(nextDelta());
    } else {
      streams.delete(stream);
      stream.response.end(CLOSING);
    }
  });
}

/** Faults meet the share of requests that was asked for, spread evenly: every n-th, so that each run meets the same number. */
class Share {
  #due = 0;
  readonly #share: number;

  constructor(share: number) {
    this.#share = share;
  }

  next(): boolean {
    this.#due += this.#share;
    if (this.#due < 1) return false;
    this.#due -= 1;
    return true;
  }
}

const overloaded = new Share(options.overloaded);
const resetBeforeHead = new Share(options.resetBeforeHead);
const resetInBody = new Share(options.resetInBody);

interface Open {
  gone: boolean;
  stream: Stream | null;
}

function answer(response: HttpResponse, wantsStream: boolean, open: Open): void {
  if (overloaded.next()) {
    response.cork(() =>
      response.writeStatus('529 Overloaded').writeHeader('content-type', 'application/json').end(OVERLOADED),
    );
  } else if (resetBeforeHead.next()) {
    response.close();
  } else if (wantsStream) {
    beginStream(response, open);
  } else if (resetInBody.next()) {
    response.cork(() =>
      response.writeHeader('content-type', 'application/json').write(JSON_BODY.slice(0, JSON_BODY.length / 2)),
    );
    response.close();
  } else {
    response.cork(() => response.writeHeader('content-type', 'application/json').end(JSON_BODY));
  }
}

function beginStream(response: HttpResponse, open: Open): void {
  const sent = options.firstEventAtOnce ? 1 : 0;
  const opening = sent === 1 ? OPENING + nextDelta() : OPENING;
  response.cork(() => response.writeHeader('content-type', 'text/event-stream; charset=utf-8').write(opening));
  const resetAt = resetInBody.next() ? options.events >> 1 : -1;
  const phase = sent === 1 ? 1 : Math.random();
  open.stream = { response, sent, dueMs: performance.now() + phase * options.paceMs, resetAt };
  streams.add(open.stream);
}

const { tls } = options;
const app = tls === null ? App() : SSLApp({ cert_file_name: tls.certFile, key_file_name: tls.keyFile });

app.post('/*', (response) => {
  const open: Open = { gone: false, stream: null };
  let wantsStream = false;
  response.onAborted(() => {
    open.gone = true;
    if (open.stream !== null) streams.delete(open.stream);
  });
  response.onData((chunk, last) => {
    wantsStream ||= Buffer.from(chunk).includes('"stream":true');
    if (!last) return;
    if (options.firstByteMs === 0) return answer(response, wantsStream, open);
    setTimeout(() => {
      if (!open.gone) answer(response, wantsStream, open);
    }, options.firstByteMs);
  });
});

app.any('/*', (response) => void response.cork(() => response.writeStatus('404 Not Found').end()));

app.listen('127.0.0.1', 0, (socket) => {
  if (!socket) throw new Error('no port for the mock upstream');
  process.stdout.write(`${us_socket_local_port(socket)}\n`);
});

process.stdin.on('end', () => process.exit(0)).resume();
