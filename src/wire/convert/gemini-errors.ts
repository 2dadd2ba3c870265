/**
 * What went wrong, in Gemini on one side and Messages or Chat on the other. Pure.
 *
 *   Gemini   { error: { code: 429, message, status: "RESOURCE_EXHAUSTED", details? } }      also as a chunk of a stream
 *   Messages { type: "error", error: { type: "rate_limit_error", message }, request_id }    in a stream: `event: error`
 *   Chat     { error: { message, type, param: null, code } }                                in a stream: one more chunk
 *
 * An error inside a stream has no HTTP status: it says its own. `details` name Google's projects and quotas, which are the account's:
 * they are not handed on. Sources: cloud.google.com/apis/design/errors, platform.claude.com/docs/en/api/errors,
 * platform.openai.com/docs/guides/error-codes.
 */
import type { JsonObject } from './crossing.ts';
import { asArray, asNumber, asObject, asString } from './json.ts';

type Row = readonly [status: number, google: string, messages: string, chatType: string, chatCode: string | null];

/** Looked up by any column; the first row that matches serves, so the usual ones come first. */
// biome-ignore format: one row a line reads as the table it is
const ROWS: readonly Row[] = [
  [400, 'INVALID_ARGUMENT', 'invalid_request_error', 'invalid_request_error', null],
  [400, 'FAILED_PRECONDITION', 'invalid_request_error', 'invalid_request_error', null],
  [400, 'OUT_OF_RANGE', 'invalid_request_error', 'invalid_request_error', null],
  [401, 'UNAUTHENTICATED', 'authentication_error', 'invalid_request_error', 'invalid_api_key'],
  [402, 'FAILED_PRECONDITION', 'billing_error', 'insufficient_quota', 'insufficient_quota'],
  [403, 'PERMISSION_DENIED', 'permission_error', 'invalid_request_error', 'permission_denied'],
  [404, 'NOT_FOUND', 'not_found_error', 'invalid_request_error', 'model_not_found'],
  [409, 'ABORTED', 'conflict_error', 'invalid_request_error', 'conflict'],
  [413, 'INVALID_ARGUMENT', 'request_too_large', 'invalid_request_error', 'request_too_large'],
  [429, 'RESOURCE_EXHAUSTED', 'rate_limit_error', 'requests', 'rate_limit_exceeded'],
  [500, 'INTERNAL', 'api_error', 'server_error', 'server_error'],
  [500, 'UNKNOWN', 'api_error', 'server_error', 'server_error'],
  [501, 'UNIMPLEMENTED', 'api_error', 'server_error', 'server_error'],
  [503, 'UNAVAILABLE', 'overloaded_error', 'server_error', 'server_is_overloaded'],
  [504, 'DEADLINE_EXCEEDED', 'timeout_error', 'server_error', 'timeout'],
  [529, 'UNAVAILABLE', 'overloaded_error', 'server_error', 'server_is_overloaded'],
  [502, 'UNAVAILABLE', 'api_error', 'server_error', 'server_error'],
  [499, 'CANCELLED', 'api_error', 'server_error', 'server_error'],
];
const CLIENT_FAULT = ROWS[0]!;
const SERVER_FAULT = ROWS.find(([status]) => status === 500)!;

const TOO_LONG_OF_GEMINI = /input token count .*exceeds the maximum|token count exceeds/i;
const TOO_LONG_OF_MESSAGES = 'prompt is too long';
const CONTEXT_EXCEEDED = 'context_length_exceeded';

function rowOfStatus(status: number): Row {
  return ROWS.find((row) => row[0] === status) ?? (status >= 400 && status < 500 ? CLIENT_FAULT : SERVER_FAULT);
}

function messageOf(error: JsonObject | null, status: number): string {
  return asString(error?.['message']) ?? `The upstream answered ${status}.`;
}

/** The row of Gemini's error: by its status name, then by the HTTP status; `status` 0: inside a stream. */
function rowOfGemini(status: number, error: JsonObject | null): Row {
  if (isKeyInvalid(error)) return rowOfStatus(401);
  const own = status === 0 ? (asNumber(error?.['code']) ?? 500) : status;
  const name = asString(error?.['status']);
  return (
    ROWS.find((row) => row[0] === own && row[1] === name) ?? ROWS.find((row) => row[1] === name) ?? rowOfStatus(own)
  );
}

/** Google answers 400 to a key that it does not know. */
function isKeyInvalid(error: JsonObject | null): boolean {
  return asArray(error?.['details'])?.some((each) => asObject(each)?.['reason'] === 'API_KEY_INVALID') ?? false;
}

/** `body`: of an answer with `status`, or a chunk of a stream with `status` 0. */
export function messagesErrorOfGemini(status: number, body: JsonObject | null, requestId: string): JsonObject {
  const error = asObject(body?.['error']);
  const row = rowOfGemini(status, error);
  const said = messageOf(error, status || row[0]);
  const message = TOO_LONG_OF_GEMINI.test(said) ? `${TOO_LONG_OF_MESSAGES}: ${said}` : said;
  return { type: 'error', error: { type: row[2], message }, request_id: requestId };
}

export function chatErrorOfGemini(status: number, body: JsonObject | null): JsonObject {
  const error = asObject(body?.['error']);
  const row = rowOfGemini(status, error);
  const message = messageOf(error, status || row[0]);
  const code = TOO_LONG_OF_GEMINI.test(message) ? CONTEXT_EXCEEDED : row[4];
  return { error: { message, type: row[3], param: null, code } };
}

/** `body`: of an answer with `status`, or the data of an `error` event with `status` 0. */
export function geminiErrorOfMessages(status: number, body: JsonObject | null): JsonObject {
  const error = asObject(body?.['error']);
  const type = asString(error?.['type']);
  const row = ROWS.find((each) => (status === 0 || each[0] === status) && each[2] === type);
  return geminiError(row ?? ofMessagesType(type) ?? rowOfStatus(status), status, error);
}

/** Chat's `code` says more than its `type`, except where it is a status. */
export function geminiErrorOfChat(status: number, body: JsonObject | null): JsonObject {
  const error = asObject(body?.['error']);
  const code = error?.['code'];
  const own = status === 0 ? (asNumber(code) ?? Number(asString(code) ?? Number.NaN)) : status;
  const row =
    ROWS.find((each) => each[4] !== null && each[4] === code) ??
    (code === CONTEXT_EXCEEDED ? CLIENT_FAULT : undefined) ??
    (own >= 400 && own < 600 ? rowOfStatus(own) : ROWS.find((each) => each[3] === error?.['type']));
  return geminiError(row ?? ofMessagesType(asString(error?.['type'])) ?? rowOfStatus(own), status, error);
}

function ofMessagesType(type: string | null): Row | undefined {
  return ROWS.find((row) => row[2] === type);
}

/** A status that came from HTTP stays what it was, but for the ones that Google does not have. */
function geminiError(row: Row, status: number, error: JsonObject | null): JsonObject {
  const given = status === 0 ? row[0] : status;
  const code = given === 529 ? 503 : given;
  return { error: { code, message: messageOf(error, code), status: row[1] } };
}
