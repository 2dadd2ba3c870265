/**
 * Errors of Messages and Chat Completions in each other's words, as bodies of an error status and inside streams. Pure; never
 * throws. Statuses stay what they are.
 *
 *   Messages  { "type": "error", "error": { type, message }, "request_id" }
 *   Chat      { "error": { message, type, param, code } }             in streams `code` may be an HTTP status
 *
 * Two conditions are told by clients from words: a prompt beyond the model's window is `prompt is too long` for Messages clients and
 * code `context_length_exceeded` for Chat clients; spent credit is `billing_error` and `insufficient_quota`.
 *
 * Sources: platform.claude.com/docs/en/api/errors; developers.openai.com/api/docs/guides/error-codes.
 */
import type { JsonObject } from './crossing.ts';
import { asNumber, asObject, asString } from './json.ts';

/** An error without a status is inside a stream. */
export const IN_STREAM = 0;

const TOO_LONG = 'prompt is too long';

const MESSAGES_TYPES: ReadonlyMap<number, string> = new Map([
  [400, 'invalid_request_error'],
  [401, 'authentication_error'],
  [402, 'billing_error'],
  [403, 'permission_error'],
  [404, 'not_found_error'],
  [409, 'conflict_error'],
  [413, 'request_too_large'],
  [422, 'invalid_request_error'],
  [429, 'rate_limit_error'],
  [503, 'overloaded_error'],
  [504, 'timeout_error'],
  [529, 'overloaded_error'],
]);

/** Chat's codes and types that say more than the status, or stand for it inside a stream. */
const MESSAGES_TYPES_OF_WORDS: ReadonlyMap<string, string> = new Map([
  ['insufficient_quota', 'billing_error'],
  ['server_is_overloaded', 'overloaded_error'],
  ['rate_limit_exceeded', 'rate_limit_error'],
  ['rate_limit_error', 'rate_limit_error'],
  ['invalid_api_key', 'authentication_error'],
  ['authentication_error', 'authentication_error'],
  ['permission_error', 'permission_error'],
  ['model_not_found', 'not_found_error'],
  ['not_found_error', 'not_found_error'],
  ['context_length_exceeded', 'invalid_request_error'],
  ['invalid_request_error', 'invalid_request_error'],
  ['timeout', 'timeout_error'],
]);

interface ChatWords {
  readonly type: string;
  readonly code: string | null;
}

const INVALID: ChatWords = { type: 'invalid_request_error', code: null };
const SERVER: ChatWords = { type: 'server_error', code: 'server_error' };

const CHAT_WORDS: ReadonlyMap<string, ChatWords> = new Map([
  ['invalid_request_error', INVALID],
  ['authentication_error', { type: 'authentication_error', code: 'invalid_api_key' }],
  ['billing_error', { type: 'insufficient_quota', code: 'insufficient_quota' }],
  ['permission_error', { type: 'permission_error', code: null }],
  ['not_found_error', { type: 'invalid_request_error', code: 'model_not_found' }],
  ['conflict_error', { type: 'conflict_error', code: null }],
  ['request_too_large', { type: 'invalid_request_error', code: 'request_too_large' }],
  ['rate_limit_error', { type: 'rate_limit_error', code: 'rate_limit_exceeded' }],
  ['api_error', SERVER],
  ['overloaded_error', { type: 'server_error', code: 'server_is_overloaded' }],
  ['timeout_error', { type: 'server_error', code: 'timeout' }],
]);

/** @param body What a Chat upstream said; null: no JSON. @param status HTTP status, or {@link IN_STREAM}. */
export function messagesError(status: number, body: JsonObject | null, requestId: string): JsonObject {
  const error = asObject(body?.['error']);
  const said = asString(error?.['message']) ?? asString(body?.['error']) ?? asString(body?.['message']) ?? '';
  const code = asString(error?.['code']) ?? '';
  const type = asString(error?.['type']) ?? '';
  const statusOfCode = asNumber(error?.['code']) ?? Number.NaN;
  const byWords =
    MESSAGES_TYPES_OF_WORDS.get(code) ?? (status === IN_STREAM ? MESSAGES_TYPES_OF_WORDS.get(type) : undefined);
  const byStatus = MESSAGES_TYPES.get(status === IN_STREAM ? statusOfCode : status);
  const message = said === '' ? unsaid(status) : said;
  return {
    type: 'error',
    error: {
      type: agrees(status, byWords) ? byWords : (byStatus ?? 'api_error'),
      message: code === 'context_length_exceeded' && !message.includes(TOO_LONG) ? `${TOO_LONG}: ${message}` : message,
    },
    request_id: requestId,
  };
}

/** Words about the client's fault inside an answer of status 5xx, or the reverse, are not believed. */
function agrees(status: number, type: string | undefined): boolean {
  if (type === undefined) return false;
  if (status === IN_STREAM) return true;
  const ofServer = type === 'overloaded_error' || type === 'timeout_error' || type === 'api_error';
  return ofServer === status >= 500;
}

/** @param body What a Messages upstream said; null: no JSON. @param status HTTP status, or {@link IN_STREAM}. */
export function chatError(status: number, body: JsonObject | null): JsonObject {
  const error = asObject(body?.['error']);
  const said = asString(error?.['message']) ?? asString(body?.['message']) ?? '';
  const words =
    CHAT_WORDS.get(asString(error?.['type']) ?? '') ??
    CHAT_WORDS.get(MESSAGES_TYPES.get(status) ?? '') ??
    (status >= 400 && status < 500 ? INVALID : SERVER);
  const tooLong = words === INVALID && said.toLowerCase().includes(TOO_LONG);
  return {
    error: {
      message: said === '' ? unsaid(status) : said,
      type: words.type,
      param: null,
      code: tooLong ? 'context_length_exceeded' : words.code,
    },
  };
}

function unsaid(status: number): string {
  return status === IN_STREAM
    ? 'The upstream broke off without a reason.'
    : `The upstream answered with status ${status}.`;
}
