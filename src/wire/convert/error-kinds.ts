/**
 * What went wrong, said in Messages and in the OpenAI protocols (Chat and Responses share their errors). Pure.
 *
 *   Messages  { type: "error", error: { type, message }, request_id }
 *   OpenAI    { error: { message, type, param, code } }          `param` names a field of the upstream's request: never handed on
 *
 * Source: platform.claude.com/docs/en/api/errors, platform.openai.com/docs/guides/error-codes.
 */
import type { JsonObject } from './crossing.ts';
import { asObject, asString } from './json.ts';

export interface OpenAiError {
  readonly message: string;
  readonly type: string;
  readonly code: string | null;
}

export interface MessagesError {
  readonly message: string;
  readonly type: string;
}

/** How clients of Messages recognise a prompt that does not fit; they compact their history then. */
const PROMPT_TOO_LONG = 'prompt is too long';

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

/** Code of OpenAI, or its type where there is no code → error type of Messages. */
const MESSAGES_OF_OPENAI: ReadonlyMap<string, string> = new Map([
  ['context_length_exceeded', 'invalid_request_error'],
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

/** Status → error type of Messages, for errors that do not say their kind. */
const MESSAGES_OF_STATUS: ReadonlyMap<number, string> = new Map([
  [401, 'authentication_error'],
  [402, 'billing_error'],
  [403, 'permission_error'],
  [404, 'not_found_error'],
  [409, 'conflict_error'],
  [413, 'request_too_large'],
  [429, 'rate_limit_error'],
  [504, 'timeout_error'],
  [529, 'overloaded_error'],
]);

function messagesTypeOfStatus(status: number): string {
  return MESSAGES_OF_STATUS.get(status) ?? (status >= 500 ? 'api_error' : 'invalid_request_error');
}

function messageOf(error: JsonObject | null, status: number): string {
  return asString(error?.['message']) ?? `The upstream answered ${status}.`;
}

/** An error of a Messages upstream as OpenAI's. `body` is its JSON or that of its `error` event. */
export function openAiOfMessages(status: number, body: JsonObject | null): OpenAiError {
  const error = asObject(body?.['error']);
  const given = asString(error?.['type']);
  const kind = given !== null && OPENAI_OF_MESSAGES.has(given) ? given : messagesTypeOfStatus(status);
  const [type, code] = OPENAI_OF_MESSAGES.get(kind)!;
  const message = messageOf(error, status);
  return { message, type, code: message.startsWith(PROMPT_TOO_LONG) ? 'context_length_exceeded' : code };
}

/** An error of an OpenAI upstream as Messages'. `error` is what stands in `error`, or the data of an `error` event. */
export function messagesOfOpenAi(status: number, error: JsonObject | null): MessagesError {
  const code = asString(error?.['code']) ?? '';
  const type = MESSAGES_OF_OPENAI.get(code) ?? MESSAGES_OF_OPENAI.get(asString(error?.['type']) ?? '');
  const said = messageOf(error, status);
  const message =
    code === 'context_length_exceeded' && !said.startsWith(PROMPT_TOO_LONG) ? `${PROMPT_TOO_LONG}: ${said}` : said;
  return { type: type ?? messagesTypeOfStatus(status), message };
}

/** An error of an OpenAI upstream for a client of the other OpenAI protocol. */
export function openAiOfOpenAi(status: number, error: JsonObject | null): OpenAiError {
  const [type, code] = OPENAI_OF_MESSAGES.get(messagesTypeOfStatus(status))!;
  const given = asString(error?.['type']);
  const isGiven = given !== null && given !== 'error';
  return {
    message: messageOf(error, status),
    type: isGiven ? given : type,
    code: asString(error?.['code']) ?? (isGiven ? null : code),
  };
}

export function openAiErrorBody({ message, type, code }: OpenAiError): JsonObject {
  return { error: { message, type, param: null, code } };
}

export function messagesErrorBody({ message, type }: MessagesError, requestId: string): JsonObject {
  return { type: 'error', error: { type, message }, request_id: requestId };
}
