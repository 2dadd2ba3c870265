/**
 * The upstream that all contenders share, a process of its own: a POST that asks for a stream gets paced events in the protocol of its
 * path (`stream-scripts.ts`), any other a JSON message. How it answers is told by `MockOptions` as one JSON argument. Prints its port
 * once it listens, ends when its standard input does.
 *
 *   node mock.ts '{"events":200,"paceMs":10}'
 */

import { App, type HttpResponse, SSLApp, us_socket_local_port } from '../rig/uws.ts';
import { nowUs } from './clock-us.ts';
import { MOCK_DEFAULTS, type MockOptions } from './mock-options.ts';
import {
  messagesUsage,
  type ScriptKind,
  type StreamScript,
  scriptKind,
  streamScript,
  words,
} from './stream-scripts.ts';

const options: MockOptions = { ...MOCK_DEFAULTS, ...JSON.parse(process.argv[2] ?? '{}') };

const MESSAGE = {
  id: 'msg_bench',
  type: 'message',
  role: 'assistant',
  model: 'claude-haiku-4-5',
  content: [{ type: 'text', text: words(options.jsonTextBytes) }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: messagesUsage(options.events),
};
const JSON_BODY = JSON.stringify(MESSAGE);
const OVERLOADED = JSON.stringify({ type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } });

/** A script with its events rendered as far as they can be before one is due. */
interface Rendered extends StreamScript {
  plain: string;
  beforeStamp: string;
  afterStamp: string;
}

const rendered = new Map<ScriptKind, Rendered>();

function renderedScript(kind: ScriptKind): Rendered {
  let one = rendered.get(kind);
  if (one === undefined) {
    const script = streamScript(kind, options.events);
    const [beforeStamp = '', afterStamp = ''] = script.event('t=STAMP').split('STAMP');
    one = { ...script, plain: script.event(words(options.eventTextBytes)), beforeStamp, afterStamp };
    rendered.set(kind, one);
  }
  return one;
}

function nextEvent({ plain, beforeStamp, afterStamp }: Rendered): string {
  return options.stamped ? `${beforeStamp}${nowUs()}${afterStamp}` : plain;
}

interface Stream {
  response: HttpResponse;
  script: Rendered;
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
      stream.response.write(nextEvent(stream.script));
    } else {
      streams.delete(stream);
      stream.response.end(stream.script.closing);
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

/** `kind` is null for an answer that is no stream. */
function answer(response: HttpResponse, kind: ScriptKind | null, open: Open): void {
  if (overloaded.next()) {
    response.cork(() =>
      response.writeStatus('529 Overloaded').writeHeader('content-type', 'application/json').end(OVERLOADED),
    );
  } else if (resetBeforeHead.next()) {
    response.close();
  } else if (kind !== null) {
    beginStream(response, renderedScript(kind), open);
  } else if (resetInBody.next()) {
    response.cork(() =>
      response.writeHeader('content-type', 'application/json').write(JSON_BODY.slice(0, JSON_BODY.length / 2)),
    );
    response.close();
  } else {
    response.cork(() => response.writeHeader('content-type', 'application/json').end(JSON_BODY));
  }
}

function beginStream(response: HttpResponse, script: Rendered, open: Open): void {
  const sent = options.firstEventAtOnce ? 1 : 0;
  const opening = sent === 1 ? script.opening + nextEvent(script) : script.opening;
  response.cork(() => response.writeHeader('content-type', script.contentType).write(opening));
  const resetAt = resetInBody.next() ? options.events >> 1 : -1;
  const phase = sent === 1 ? 1 : Math.random();
  open.stream = { response, script, sent, dueMs: performance.now() + phase * options.paceMs, resetAt };
  streams.add(open.stream);
}

const { tls } = options;
const app = tls === null ? App() : SSLApp({ cert_file_name: tls.certFile, key_file_name: tls.keyFile });

app.post('/*', (response, request) => {
  const open: Open = { gone: false, stream: null };
  const target = `${request.getUrl()}?${request.getQuery() ?? ''}`;
  const isChat = target.includes('/chat/');
  let wantsStream = target.includes(':streamGenerateContent');
  let asksUsage = false;
  response.onAborted(() => {
    open.gone = true;
    if (open.stream !== null) streams.delete(open.stream);
  });
  response.onData((chunk, last) => {
    const bytes = Buffer.from(chunk);
    wantsStream ||= bytes.includes('"stream":true');
    asksUsage ||= isChat && bytes.includes('"include_usage":true');
    if (!last) return;
    const kind = wantsStream ? scriptKind(target, asksUsage) : null;
    if (options.firstByteMs === 0) return answer(response, kind, open);
    setTimeout(() => {
      if (!open.gone) answer(response, kind, open);
    }, options.firstByteMs);
  });
});

app.any('/*', (response) => void response.cork(() => response.writeStatus('404 Not Found').end()));

app.listen('127.0.0.1', 0, (socket) => {
  if (!socket) throw new Error('no port for the mock upstream');
  process.stdout.write(`${us_socket_local_port(socket)}\n`);
});

process.stdin.on('end', () => process.exit(0)).resume();
