/**
 * What went wrong, said in Messages and in the OpenAI protocols (Chat and Responses share their errors), as bodies of an error status
 * and inside streams. Pure; never throws. Statuses stay what they are.
 *
 *   Messages  { type: "error", error: { type, message }, request_id }
 *   OpenAI    { error: { message, type, param, code } }          `param` names a field of the upstream's request: never handed on;
 *                                                                in streams `code` may be an HTTP status
 *
 * Two conditions are told by clients from words: a prompt beyond the model's window is `prompt is too long` for clients of Messages,
 * which compact their history then, and code `context_length_exceeded` for OpenAI's; spent credit is `billing_error` and
 * `insufficient_quota`.
 *
 * Source: platform.claude.com/docs/en/api/errors, platform.openai.com/docs/guides/error-codes.
 */
import type { JsonObject } from './crossing.ts';
import { asNumber, asObject, asString } from './json.ts';

/** An error without a status is inside a stream. */
export const IN_STREAM = 0;

export interface OpenAiError {
  readonly message: string;
  readonly type: string;
  readonly code: string | null;
}

const PROMPT_TOO_LONG = 'prompt is too long';
const CONTEXT_EXCEEDED = 'context_length_exceeded';

/** Error type of Messages → type and code of OpenAI. */
const OPENAI_OF_MESSAGES: ReadonlyMap<string, readonly [type: string, code: string | null]> = new Map([
  ['invalid_request_error', ['invalid_request_error', null]],
  ['authentication_error', ['invalid_request_error', 'invalid_api_key']],
  ['billing_error', ['insufficient_quota', 'insufficient_quota']],
  ['permission_error', ['invalid_request_error', 'permission_denied']],
  ['not_found_error', ['invalid_request_error', 'model_not_found']],
  ['conflict_error', ['invalid_request_error', 'conflict']],
  ['request_too_large', ['invalid_request_error', 'request_too_large']],
  ['rate_limit_error', ['requests', 'rate_limit_exceeded']],
  ['timeout_error', ['server_error', 'timeout']],
  ['overloaded_error', ['server_error', 'server_is_overloaded']],
  ['api_error', ['server_error', 'server_error']],
]);

/** Code of OpenAI, or its type where no code is known → error type of Messages. */
const MESSAGES_OF_OPENAI: ReadonlyMap<string, string> = new Map([
  [CONTEXT_EXCEEDED, 'invalid_request_error'],
  ['string_above_max_length', 'invalid_request_error'],
  ['invalid_api_key', 'authentication_error'],
  ['authentication_error', 'authentication_error'],
  ['insufficient_quota', 'billing_error'],
  ['billing_hard_limit_reached', 'billing_error'],
  ['permission_denied', 'permission_error'],
  ['permission_error', 'permission_error'],
  ['model_not_found', 'not_found_error'],
  ['not_found_error', 'not_found_error'],
  ['conflict', 'conflict_error'],
  ['request_too_large', 'request_too_large'],
  ['rate_limit_exceeded', 'rate_limit_error'],
  ['rate_limit_error', 'rate_limit_error'],
  ['usage_limit_reached', 'rate_limit_error'],
  ['timeout', 'timeout_error'],
  ['server_is_overloaded', 'overloaded_error'],
  ['slow_down', 'overloaded_error'],
  ['server_error', 'api_error'],
  ['invalid_request_error', 'invalid_request_error'],
]);

/** Codes and types of OpenAI that errors of many kinds have. */
const SHARED_WORDS: ReadonlySet<string> = new Set(['invalid_request_error', 'server_error']);

/** Types of Messages that are no fault of the client. */
const OF_SERVER: ReadonlySet<string> = new Set(['api_error', 'overloaded_error', 'timeout_error']);

/** Status → error type of Messages. */
const MESSAGES_OF_STATUS: ReadonlyMap<number, string> = new Map([
  [401, 'authentication_error'],
  [402, 'billing_error'],
  [403, 'permission_error'],
  [404, 'not_found_error'],
  [409, 'conflict_error'],
  [413, 'request_too_large'],
  [429, 'rate_limit_error'],
  [503, 'overloaded_error'],
  [504, 'timeout_error'],
  [529, 'overloaded_error'],
]);

function messagesTypeOfStatus(status: number): string {
  return MESSAGES_OF_STATUS.get(status) ?? (status >= 400 && status < 500 ? 'invalid_request_error' : 'api_error');
}

/** Its own, or the one that stands as code inside a stream. */
function statusOf(status: number, error: JsonObject | null): number {
  return status === IN_STREAM ? (asNumber(error?.['code']) ?? IN_STREAM) : status;
}

/**
 * Which error of Messages an OpenAI upstream means: a code or type of one kind says most, in this order, then the status, and least a word
 * that many kinds share.
 */
function messagesTypeOf(status: number, error: JsonObject | null): string {
  const own = statusOf(status, error);
  const code = asString(error?.['code']) ?? '';
  const type = asString(error?.['type']) ?? '';
  const byCode = believed(status, code);
  const byType = believed(status, type);
  if (byCode !== undefined && !SHARED_WORDS.has(code)) return byCode;
  if (byType !== undefined && !SHARED_WORDS.has(type)) return byType;
  return MESSAGES_OF_STATUS.get(own) ?? byCode ?? byType ?? messagesTypeOfStatus(own);
}

/** What a code or type of OpenAI means. Words about the client's fault in an answer of status 5xx, or the reverse, are not believed. */
function believed(status: number, word: string): string | undefined {
  const type = MESSAGES_OF_OPENAI.get(word);
  return type === undefined || status === IN_STREAM || OF_SERVER.has(type) === status >= 500 ? type : undefined;
}

function messageOf(status: number, body: JsonObject | null): string {
  const said =
    asString(asObject(body?.['error'])?.['message']) ?? asString(body?.['error']) ?? asString(body?.['message']) ?? '';
  if (said !== '') return said;
  return status === IN_STREAM
    ? 'The upstream broke off without a reason.'
    : `The upstream answered with status ${status}.`;
}

/** What describes the error: the object in `error`, or the body itself as in Responses' own event. */
function errorIn(body: JsonObject | null): JsonObject | null {
  return asObject(body?.['error']) ?? body;
}

/**
 * An error of a Messages upstream as OpenAI's.
 *
 * @param body What it said, whole or in its `error` event; null: no JSON. @param status HTTP status, or {@link IN_STREAM}.
 */
export function openAiOfMessages(status: number, body: JsonObject | null): OpenAiError {
  const given = asString(asObject(body?.['error'])?.['type']);
  const kind = given !== null && OPENAI_OF_MESSAGES.has(given) ? given : messagesTypeOfStatus(status);
  const [type, code] = OPENAI_OF_MESSAGES.get(kind)!;
  const message = messageOf(status, body);
  const isTooLong = kind === 'invalid_request_error' && message.toLowerCase().includes(PROMPT_TOO_LONG);
  return { message, type, code: isTooLong ? CONTEXT_EXCEEDED : code };
}

/**
 * An error of an OpenAI upstream as the body, or the data of the `error` event, that clients of Messages know.
 *
 * @param body What it said, whole or in an event; null: no JSON. @param status HTTP status, or {@link IN_STREAM}.
 */
export function messagesOfOpenAi(status: number, body: JsonObject | null, requestId: string): JsonObject {
  const error = errorIn(body);
  const said = messageOf(status, body);
  const isTooLong = error?.['code'] === CONTEXT_EXCEEDED && !said.includes(PROMPT_TOO_LONG);
  return {
    type: 'error',
    error: { type: messagesTypeOf(status, error), message: isTooLong ? `${PROMPT_TOO_LONG}: ${said}` : said },
    request_id: requestId,
  };
}

/** An error of an OpenAI upstream for a client of the other OpenAI protocol; `body` and `status` as above. */
export function openAiOfOpenAi(status: number, body: JsonObject | null): OpenAiError {
  const error = errorIn(body);
  const [type, code] = OPENAI_OF_MESSAGES.get(messagesTypeOfStatus(statusOf(status, error)))!;
  const given = asString(error?.['type']);
  const isGiven = given !== null && given !== 'error';
  return {
    message: messageOf(status, body),
    type: isGiven ? given : type,
    code: asString(error?.['code']) ?? (isGiven ? null : code),
  };
}

export function openAiErrorBody({ message, type, code }: OpenAiError): JsonObject {
  return { error: { message, type, param: null, code } };
}
