/**
 * How a refusal is said to OpenAI's clients, of Chat Completions (and all routes but Responses), of Responses, and of the Sora façade. Pure;
 * runs on front threads.
 *
 *   body             = { error: { message, type, param, code } }
 *   event, Chat      = "data: " body LF LF                                          no `event:` line; the stream ends without [DONE]
 *   event, Sora      = "event: error" LF "data: " body LF LF, and [DONE] behind it
 *   event, Responses = "event: error" LF "data: " { type: "error", code, message, param, sequence_number } LF LF
 *   WebSocket        = { type: "error", status, error, headers }                      one message, before an answer and inside one
 *
 * Codex stops at once on 400, 404 and `insufficient_quota`, and repeats everything else; the SDKs stop on `x-should-retry: false`.
 * 529 is not theirs: 503 with `server_is_overloaded` is what they know. Source: platform.openai.com/docs/guides/error-codes.
 */
import type { FailureCode, Refusal } from '#failure/registry.ts';
import { type Dialect, messageOf, oneLine } from './dialect.ts';

/** The number of an event that nobody counted. The AI SDK reads no error without one; others take no notice of it. */
const UNNUMBERED = 0;

interface ErrorObject {
  readonly message: string;
  readonly type: string;
  readonly param: string | null;
  readonly code: string | null;
}

/** Failures whose code the clients know. */
const CODES: Partial<Record<FailureCode, string>> = {
  key_missing: 'invalid_api_key',
  key_unknown: 'invalid_api_key',
  key_expired: 'invalid_api_key',
  key_revoked: 'invalid_api_key',
  model_unknown: 'model_not_found',
  model_unpriced: 'model_not_found',
  model_not_allowed: 'model_not_found',
  balance_exhausted: 'insufficient_quota',
  path_unknown: 'unknown_url',
  // Codex opens another WebSocket and repeats the turn, whatever the status is.
  websocket_expired: 'websocket_connection_limit_reached',
  websocket_unserved: 'websocket_connection_limit_reached',
  link_invalid: 'invalid_link',
};

function errorObject(refusal: Refusal): ErrorObject {
  const { failure } = refusal;
  const code = CODES[failure.code] ?? codeByStatus(failure.status, failure.code);
  const param = failure.code === 'field_invalid' ? (/^([\w.]+):/.exec(refusal.detail)?.[1] ?? null) : null;
  return { message: messageOf(refusal), type: typeOf(failure.status, code), param, code };
}

function codeByStatus(status: number, code: FailureCode): string {
  if (status === 429) return 'rate_limit_exceeded';
  return status === 529 ? 'server_is_overloaded' : code;
}

function typeOf(status: number, code: string): string {
  if (code === 'insufficient_quota') return code;
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}

function status({ failure }: Refusal): number {
  // Codex repeats a 402 for most of a minute; this, with its code, it shows at once.
  if (failure.code === 'balance_exhausted') return 429;
  return failure.status === 529 ? 503 : failure.status;
}

function renderError(refusal: Refusal): Uint8Array {
  return Buffer.from(JSON.stringify({ error: errorObject(refusal) }));
}

export const CHAT_DIALECT: Dialect = Object.freeze({
  name: 'chat',
  status,
  renderError,
  renderErrorEvent: (refusal: Refusal) => Buffer.from(`data: ${JSON.stringify({ error: errorObject(refusal) })}\n\n`),
  wrapError: (body: Uint8Array) => Buffer.from(`data: ${oneLine(body)}\n\n`),
  keepAlive: Buffer.from(': keep-alive\n\n'),
  requestIdHeader: 'x-request-id',
});

/** Its clients take a bare comment for a ping, and wait for [DONE] behind an error too. */
export const SORA_DIALECT: Dialect = Object.freeze({
  ...CHAT_DIALECT,
  name: 'sora',
  renderErrorEvent: (refusal: Refusal) =>
    Buffer.from(`event: error\ndata: ${JSON.stringify({ error: errorObject(refusal) })}\n\ndata: [DONE]\n\n`),
  wrapError: (body: Uint8Array) => Buffer.from(`event: error\ndata: ${oneLine(body)}\n\ndata: [DONE]\n\n`),
  keepAlive: Buffer.from(':\n\n'),
});

export const RESPONSES_DIALECT: Dialect = Object.freeze({
  name: 'responses',
  status,
  renderError,
  renderErrorEvent: (refusal: Refusal) => errorEvent(errorObject(refusal)),
  wrapError: (body: Uint8Array) => errorEvent(readError(body)),
  keepAlive: Buffer.from(': keep-alive\n\n'),
  requestIdHeader: 'x-request-id',
});

/** Responses over a WebSocket, where a refusal is a message and the connection stays; it has pings of its own. */
export const RESPONSES_SOCKET_DIALECT: Dialect = Object.freeze({
  ...RESPONSES_DIALECT,
  renderError: errorMessage,
  renderErrorEvent: errorMessage,
  wrapError: (body: Uint8Array) => socketMessage(502, readError(body), {}),
  keepAlive: null,
});

function errorMessage(refusal: Refusal, requestId: string): Uint8Array {
  const headers: Record<string, string> = { 'x-request-id': requestId };
  if (refusal.failure.retry === 'never') headers['x-should-retry'] = 'false';
  if (refusal.retryAfterSeconds > 0) headers['retry-after'] = String(refusal.retryAfterSeconds);
  return socketMessage(status(refusal), errorObject(refusal), headers);
}

function socketMessage(statusCode: number, error: ErrorObject, headers: Record<string, string>): Uint8Array {
  return Buffer.from(JSON.stringify({ type: 'error', status: statusCode, error, headers }));
}

function errorEvent({ message, code, param }: ErrorObject): Uint8Array {
  const event = { type: 'error', code, message, param, sequence_number: UNNUMBERED };
  return Buffer.from(`event: error\ndata: ${JSON.stringify(event)}\n\n`);
}

/** The error in an upstream's body; its text where there is none. */
function readError(body: Uint8Array): ErrorObject {
  try {
    const { error } = JSON.parse(Buffer.from(body).toString('utf8'));
    if (typeof error?.message === 'string') return { type: '', param: null, code: null, ...error };
  } catch {
    // Said below.
  }
  return { message: oneLine(body), type: 'server_error', param: null, code: 'upstream_error' };
}
