/**
 * The Anthropic Messages dialect: which events a stream has, and how a refusal is said in it. Pure; runs on front threads.
 * Type only what is acted on: unknown events and fields pass by.
 *
 *   stream        = message_start *( ping | error ) *block message_delta message_stop      `error` ends the stream
 *   block         = content_block_start *content_block_delta content_block_stop            `ping` and `error` anywhere
 *   frame         = "event: " type LF "data: " json LF LF                                   type = json.type
 *   message_start = { message: { id, model, content: [], usage } }
 *   content_block_delta = { index, delta: { type: text_delta | input_json_delta | thinking_delta | signature_delta | ... } }
 *   message_delta = { delta: { stop_reason, stop_sequence }, usage }                        usage is cumulative
 *   error         = { type: "error", error: { type, message }, request_id }                 also the JSON body of an error status
 *
 * The official SDKs ignore frames without an `event:` line, so we always write one. Usage: `wire/anthropic-usage.ts`.
 * Source: platform.claude.com/docs/en/build-with-claude/streaming and .../api/errors.
 */
import type { Refusal } from '#failure/registry.ts';
import { type Dialect, messageOf, oneLine } from './dialect.ts';

/** Kinds of stream events, as small numbers so that the hot path makes no strings. */
export const EVENT = Object.freeze({
  unknown: 0,
  messageStart: 1,
  messageDelta: 2,
  messageStop: 3,
  blockStart: 4,
  blockDelta: 5,
  blockStop: 6,
  ping: 7,
  error: 8,
});

export type EventKind = (typeof EVENT)[keyof typeof EVENT];

const EVENT_NAMES: readonly (readonly [name: Buffer, kind: EventKind])[] = [
  [Buffer.from('content_block_delta'), EVENT.blockDelta],
  [Buffer.from('message_delta'), EVENT.messageDelta],
  [Buffer.from('message_start'), EVENT.messageStart],
  [Buffer.from('message_stop'), EVENT.messageStop],
  [Buffer.from('content_block_start'), EVENT.blockStart],
  [Buffer.from('content_block_stop'), EVENT.blockStop],
  [Buffer.from('ping'), EVENT.ping],
  [Buffer.from('error'), EVENT.error],
];

/** Kind of the event whose name is `bytes[start, end)`. */
export function eventKind(bytes: Buffer, start: number, end: number): EventKind {
  for (let i = 0; i < EVENT_NAMES.length; i++) {
    const [name, kind] = EVENT_NAMES[i]!;
    if (name.length === end - start && startsWith(bytes, start, end, name)) return kind;
  }
  return EVENT.unknown;
}

const NAME_BYTES_MAX = 19;
const QUOTE = 0x22;
const SPACE = 0x20;
const TYPE_TOKENS = [Buffer.from('{'), Buffer.from('"type"'), Buffer.from(':'), Buffer.from('"')] as const;

/** Kind of an event by its data, when `type` is its first field, as every known upstream writes it. */
export function dataKind(bytes: Buffer, start: number, end: number): EventKind {
  let nameStart = start;
  for (let i = 0; i < TYPE_TOKENS.length; i++) {
    while (bytes[nameStart] === SPACE && nameStart < end) nameStart++;
    if (!startsWith(bytes, nameStart, end, TYPE_TOKENS[i]!)) return EVENT.unknown;
    nameStart += TYPE_TOKENS[i]!.length;
  }
  const limit = Math.min(end, nameStart + NAME_BYTES_MAX + 1);
  let nameEnd = nameStart;
  while (nameEnd < limit && bytes[nameEnd] !== QUOTE) nameEnd++;
  return nameEnd < limit ? eventKind(bytes, nameStart, nameEnd) : EVENT.unknown;
}

const DELTA_HEAD = Buffer.from('event: content_block_delta\ndata: ');
const DELTA_HEAD_BYTES = 33;
const DELTA_NAME_BYTES = 26;
/** Behind the name, where lines end in CR LF. */
const CRLF_DATA = Buffer.from('\r\ndata: ');
const BARE_DELTA_HEAD = Buffer.from('data: {"type":"content_block_delta"');
const BARE_DATA_BYTES = 6;

/**
 * Where the data of a plain delta frame starts, or -1 when the frame is anything else. Nearly every frame of a stream is one, so
 * it is told by its fixed first bytes, without reading the frame's lines; those of some upstreams end in CR LF, or have no `event:`.
 */
export function deltaDataStart(bytes: Buffer, start: number, end: number): number {
  // Spelled out with a constant length: 33 ns; `startsWith`, or reading `DELTA_HEAD.length` in the loop: 75.
  if (end - start < DELTA_HEAD_BYTES) return -1;
  let same = 0;
  while (same < DELTA_HEAD_BYTES && bytes[start + same] === DELTA_HEAD[same]) same++;
  if (same === DELTA_HEAD_BYTES) return start + DELTA_HEAD_BYTES;
  if (same === DELTA_NAME_BYTES && startsWith(bytes, start + same, end, CRLF_DATA))
    return start + same + CRLF_DATA.length;
  return same === 0 && startsWith(bytes, start, end, BARE_DELTA_HEAD) ? start + BARE_DATA_BYTES : -1;
}

function startsWith(bytes: Buffer, start: number, end: number, head: Buffer): boolean {
  if (end - start < head.length) return false;
  for (let i = 0; i < head.length; i++) if (bytes[start + i] !== head[i]) return false;
  return true;
}

/** One line: JSON escapes every line end, so a detail can never break out of its frame. */
function errorText(refusal: Refusal, requestId: string): string {
  const error = { type: refusal.failure.anthropicType, message: messageOf(refusal) };
  return JSON.stringify({ type: 'error', error, request_id: requestId });
}

export const ANTHROPIC_DIALECT: Dialect = Object.freeze({
  name: 'anthropic',
  status: ({ failure }: Refusal) => failure.status,
  renderError: (refusal: Refusal, requestId: string) => Buffer.from(errorText(refusal, requestId)),
  renderErrorEvent: (refusal: Refusal, requestId: string) =>
    Buffer.from(`event: error\ndata: ${errorText(refusal, requestId)}\n\n`),
  wrapError: (body: Uint8Array) => Buffer.from(`event: error\ndata: ${oneLine(body)}\n\n`),
  // Every Anthropic client takes it anywhere in a stream.
  keepAlive: Buffer.from('event: ping\ndata: {"type":"ping"}\n\n'),
  requestIdHeader: 'request-id',
});
