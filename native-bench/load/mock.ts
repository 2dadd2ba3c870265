/**
 * The upstream that all contenders share, a process of its own: POST with `"stream":true` in the body gets paced SSE, any
 * other a JSON message of about 1 KB. Prints its port once it listens. Ends when its standard input does.
 *
 *   node mock.ts EVENTS PACE_MS
 */
import { App, type HttpResponse, us_socket_local_port } from '../rig/uws.ts';

const EVENTS = Number(process.argv[2] ?? 200);
const PACE_MS = Number(process.argv[3] ?? 10);

const USAGE = { input_tokens: 25, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: EVENTS };
const MESSAGE = {
  id: 'msg_bench',
  type: 'message',
  role: 'assistant',
  model: 'claude-haiku-4-5',
  content: [{ type: 'text', text: 'water under pressure '.repeat(34) }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: USAGE,
};
const JSON_BODY = JSON.stringify(MESSAGE);

function frame(event: { type: string; [field: string]: unknown }): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

const OPENING =
  frame({ type: 'message_start', message: { ...MESSAGE, content: [], stop_reason: null } }) +
  frame({ type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } });
const DELTA = frame({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'water under ' } });
const CLOSING =
  frame({ type: 'content_block_stop', index: 0 }) +
  frame({ type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: USAGE }) +
  frame({ type: 'message_stop' });

interface Stream {
  response: HttpResponse;
  sent: number;
  dueMs: number;
}

const streams = new Set<Stream>();

/** Each stream has its own phase, so that events of different streams do not arrive as one burst. */
setInterval(() => {
  const nowMs = performance.now();
  for (const stream of streams) {
    if (stream.dueMs > nowMs) continue;
    stream.dueMs += PACE_MS;
    step(stream);
  }
}, 1);

function step(stream: Stream): void {
  stream.response.cork(() => {
    if (stream.sent++ < EVENTS) {
      stream.response.write(DELTA);
    } else {
      streams.delete(stream);
      stream.response.end(CLOSING);
    }
  });
}

const app = App();

app.post('/v1/messages', (response) => {
  let wantsStream = false;
  let stream: Stream | null = null;
  response.onAborted(() => {
    if (stream !== null) streams.delete(stream);
  });
  response.onData((chunk, last) => {
    wantsStream ||= Buffer.from(chunk).includes('"stream":true');
    if (!last) return;
    response.cork(() => {
      if (!wantsStream) {
        response.writeHeader('content-type', 'application/json').end(JSON_BODY);
        return;
      }
      response.writeHeader('content-type', 'text/event-stream; charset=utf-8').write(OPENING);
      stream = { response, sent: 0, dueMs: performance.now() + Math.random() * PACE_MS };
      streams.add(stream);
    });
  });
});

app.listen('127.0.0.1', 0, (socket) => {
  if (!socket) throw new Error('no port for the mock upstream');
  process.stdout.write(`${us_socket_local_port(socket)}\n`);
});

process.stdin.on('end', () => process.exit(0)).resume();
