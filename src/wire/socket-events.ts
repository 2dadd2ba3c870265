/**
 * Events as a WebSocket carries them, one JSON object a message: what kind they are, and what an error among them says. Pure; runs on
 * front threads. Never throws, whatever the bytes.
 *
 *   event  = { type, … }                                                    the type is the first member, or anywhere at the top
 *   error  = { type: "error", status, error: { code, message, … }, headers: { "retry-after": "1", … } }
 *
 * An `error` with a status stands where HTTP has an answer of that status. Source: platform.openai.com/docs/guides/websocket-mode.
 */
import { type JsonFieldSink, JsonFields } from './json-fields.ts';
import { skipSpaces, stringAt } from './key-scan.ts';

const TYPE = Buffer.from('"type"');
const TYPE_BYTES_MAX = 128;
/** A longer error is nobody's; its status is then not read. */
const ERROR_BYTES_MAX = 65_536;
const OBJECT_OPEN = 0x7b;
const COLON = 0x3a;
const TERMINAL = ['response.completed', 'response.incomplete', 'response.failed', 'error'];

/** What the upstream tells of its error, as HTTP would. */
export interface SocketError {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Record<string, string>;
}

/** Keeps the type that is not the first member. */
class LateType implements JsonFieldSink {
  type = '';

  field(_index: number, bytes: Buffer, start: number, end: number): void {
    this.type = stringAt(bytes, start, end) ?? '';
  }
}

const lateType = new LateType();
const fields = new JsonFields(['type'], TYPE_BYTES_MAX, lateType);

/** The `type` of an event; '' when it has none. */
export function eventType(message: Buffer): string {
  let at = skipSpaces(message, 0, message.length);
  if (message[at] !== OBJECT_OPEN) return '';
  at = skipSpaces(message, at + 1, message.length);
  if (!message.subarray(at, at + TYPE.length).equals(TYPE)) return findType(message);
  at = skipSpaces(message, at + TYPE.length, message.length);
  return message[at] === COLON ? (stringAt(message, at + 1, message.length) ?? '') : '';
}

function findType(message: Buffer): string {
  lateType.type = '';
  fields.reset();
  fields.push(message);
  return lateType.type;
}

/** Nothing of this response comes behind such an event. */
export function endsResponse(type: string): boolean {
  return TERMINAL.includes(type);
}

/** An error that stands for an answer of HTTP; null when it names no status. */
export function readSocketError(message: Buffer): SocketError | null {
  if (message.length > ERROR_BYTES_MAX) return null;
  const event = parse(message);
  const status = event?.['status'] ?? event?.['status_code'];
  if (typeof status !== 'number' || !Number.isInteger(status) || status < 400 || status > 599) return null;
  return { status, headers: textsOf(event?.['headers']) };
}

function parse(message: Buffer): Record<string, unknown> | null {
  try {
    return JSON.parse(message.toString('utf8'));
  } catch {
    return null;
  }
}

function textsOf(headers: unknown): Record<string, string> {
  if (typeof headers !== 'object' || headers === null) return {};
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    if (typeof value === 'string' || typeof value === 'number') texts[name.toLowerCase()] = String(value);
  return texts;
}
