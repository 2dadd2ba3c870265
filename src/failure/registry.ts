/**
 * The one registry of refusals. Every error a client can ever see from the gateway itself is a row here.
 * Expected failures are values, never thrown: returning one costs about 50 ns, creating an `Error` ten frames deep about
 * 4.7 µs. The protocol files in `wire/` render a row in their own dialect; README and the metrics labels are held to this table
 * by `test/failure/registry.test.ts`.
 *
 * Runs on every thread; does no I/O.
 */

/** Who is at fault: `client` can mend its request, `gateway` is our own limit or fault, `upstream` is the account's side. */
export type FailureSource = 'client' | 'gateway' | 'upstream';

/** What a well-behaved client should do: `never` is sent as `x-should-retry: false`, `later` carries `retry-after`. */
export type FailureRetry = 'never' | 'later' | 'now';

export interface Failure {
  readonly code: FailureCode;
  readonly source: FailureSource;
  /** HTTP status before the first byte of an answer. */
  readonly status: number;
  /** `error.type` in the Anthropic dialect. */
  readonly anthropicType: string;
  readonly retry: FailureRetry;
  /** Public text; a refusal may add one sentence of detail. */
  readonly text: string;
}

type Row = readonly [source: FailureSource, status: number, anthropicType: string, retry: FailureRetry, text: string];

// biome-ignore format: one row a line reads as the table it is
const ROWS = {
  key_missing: ['client', 401, 'authentication_error', 'never', 'No API key: send it as x-api-key or Authorization: Bearer.'],
  key_unknown: ['client', 401, 'authentication_error', 'never', 'The API key is not known.'],
  key_expired: ['client', 401, 'authentication_error', 'never', 'The API key has expired.'],
  key_revoked: ['client', 401, 'authentication_error', 'never', 'The API key has been revoked.'],
  user_disabled: ['client', 403, 'permission_error', 'never', 'The user of this API key is disabled.'],
  ip_denied: ['client', 403, 'permission_error', 'never', 'This API key may not be used from your address.'],
  model_not_allowed: ['client', 403, 'permission_error', 'never', 'This API key may not use this model.'],
  model_unknown: ['client', 404, 'not_found_error', 'never', 'No account of this group serves this model.'],
  model_unpriced: ['client', 404, 'not_found_error', 'never', 'This model has no price, so it is not served.'],
  path_unknown: ['client', 404, 'not_found_error', 'never', 'There is nothing at this path.'],
  response_unknown: ['client', 404, 'not_found_error', 'never', 'No account of this group is known to hold this response.'],
  method_not_allowed: ['client', 405, 'invalid_request_error', 'never', 'This path does not take this method.'],
  upgrade_required: ['client', 426, 'invalid_request_error', 'never', 'This path takes a WebSocket; without one, send the request with POST.'],
  header_invalid: ['client', 400, 'invalid_request_error', 'never', 'A request header is not valid.'],
  body_empty: ['client', 400, 'invalid_request_error', 'never', 'The request has no body.'],
  body_malformed: ['client', 400, 'invalid_request_error', 'never', 'The request body is not valid JSON.'],
  field_invalid: ['client', 400, 'invalid_request_error', 'never', 'A field of the request is missing or of the wrong type.'],
  crossing_unsupported: ['client', 400, 'invalid_request_error', 'never', 'This model is served over another protocol, in which this request cannot be said.'],
  platform_unsupported: ['client', 400, 'invalid_request_error', 'never', 'This endpoint only supports Sora platform.'],
  media_unreadable: ['client', 400, 'invalid_request_error', 'never', 'The reference image cannot be used.'],
  job_refused: ['client', 400, 'invalid_request_error', 'never', 'The upstream does not take this job.'],
  link_invalid: ['client', 401, 'authentication_error', 'never', 'This link is not valid, or it has expired.'],
  media_unknown: ['client', 404, 'not_found_error', 'never', 'There is nothing to be had at this link.'],
  body_too_large: ['client', 413, 'request_too_large', 'never', 'The request body is larger than this gateway accepts.'],
  body_timeout: ['client', 408, 'timeout_error', 'now', 'The request body did not arrive in time.'],
  encoding_unsupported: ['client', 415, 'invalid_request_error', 'never', 'The content-encoding of a request body may be one of gzip, deflate, br, zstd.'],
  media_unsupported: ['client', 415, 'invalid_request_error', 'never', 'Request bodies are JSON: send content-type: application/json.'],
  turn_in_progress: ['client', 409, 'invalid_request_error', 'never', 'A response is already in progress on this connection.'],
  websocket_expired: ['client', 400, 'invalid_request_error', 'now', 'This WebSocket has reached its longest age; open another one.'],
  websocket_unserved: ['gateway', 426, 'api_error', 'now', 'No account that takes WebSockets serves this model; send the request with POST.'],
  balance_exhausted: ['client', 402, 'billing_error', 'never', 'The balance does not cover this request.'],
  user_busy: ['gateway', 429, 'rate_limit_error', 'later', 'Too many requests of this user are already waiting.'],
  user_wait_timeout: ['gateway', 429, 'rate_limit_error', 'later', 'No place among the concurrent requests of this user became free in time.'],
  accounts_busy: ['gateway', 529, 'overloaded_error', 'later', 'Every account for this model is at its limit and its queue is full.'],
  accounts_wait_timeout: ['gateway', 529, 'overloaded_error', 'later', 'No account for this model became free in time.'],
  accounts_rate_limited: ['upstream', 429, 'rate_limit_error', 'later', 'Every account for this model is rate limited by its upstream.'],
  accounts_resting: ['upstream', 529, 'overloaded_error', 'later', 'Every account for this model is resting after upstream failures.'],
  usage_backlog: ['gateway', 503, 'api_error', 'later', 'The usage store is behind; new requests are refused until it has caught up.'],
  body_budget_exhausted: ['gateway', 503, 'api_error', 'later', 'The memory for request bodies is in use.'],
  answer_budget_exhausted: ['gateway', 503, 'api_error', 'later', 'The memory for answers that are decoded or turned is in use.'],
  rows_exhausted: ['gateway', 503, 'api_error', 'later', 'The table of active users or accounts is full.'],
  websockets_exhausted: ['gateway', 426, 'api_error', 'later', 'As many WebSockets are open as may be; send the request with POST.'],
  exchanges_exhausted: ['gateway', 503, 'api_error', 'later', 'This gateway has as many open requests as it is allowed to hold.'],
  auth_unavailable: ['gateway', 503, 'api_error', 'later', 'API keys cannot be checked at the moment.'],
  draining: ['gateway', 503, 'api_error', 'now', 'This gateway is shutting down.'],
  record_not_durable: ['gateway', 503, 'api_error', 'later', 'The record of this answer could not be written to disk in time.'],
  jobs_unavailable: ['gateway', 503, 'api_error', 'later', 'Media jobs cannot be recorded at the moment.'],
  jobs_exhausted: ['gateway', 503, 'api_error', 'later', 'This gateway has as many media jobs under way as it is allowed to have.'],
  internal: ['gateway', 500, 'api_error', 'now', 'An unexpected fault happened inside the gateway.'],
  upstream_connect: ['upstream', 502, 'api_error', 'now', 'The upstream could not be reached.'],
  upstream_tls: ['upstream', 502, 'api_error', 'never', 'The certificate of the upstream was not accepted.'],
  upstream_headers_timeout: ['upstream', 504, 'timeout_error', 'now', 'The upstream did not answer in time.'],
  upstream_idle_timeout: ['upstream', 504, 'timeout_error', 'now', 'The upstream went silent in the middle of its answer.'],
  upstream_total_timeout: ['upstream', 504, 'timeout_error', 'now', 'The upstream did not finish its answer in time.'],
  upstream_broken: ['upstream', 502, 'api_error', 'now', 'The upstream broke off its answer.'],
  upstream_error: ['upstream', 502, 'api_error', 'now', 'The upstream failed.'],
  upstream_auth: ['upstream', 502, 'api_error', 'later', 'The upstream refused the credentials of the account.'],
  upstream_rate_limited: ['upstream', 429, 'rate_limit_error', 'later', 'The upstream is rate limiting the account.'],
  upstream_overloaded: ['upstream', 529, 'overloaded_error', 'later', 'The upstream is overloaded.'],
  job_failed: ['upstream', 502, 'api_error', 'never', 'The upstream could not make it.'],
  job_cancelled: ['upstream', 502, 'api_error', 'never', 'The job was cancelled at the upstream.'],
  unknown_outcome: ['upstream', 502, 'api_error', 'never', 'It broke off while it was made. Whether the upstream has made it is not known; it is not charged.'],
  job_timeout: ['upstream', 504, 'timeout_error', 'never', 'The job was not done in time.'],
} as const satisfies Record<string, Row>;

export type FailureCode = keyof typeof ROWS;

function build(): Readonly<Record<FailureCode, Failure>> {
  const table = {} as Record<FailureCode, Failure>;
  for (const code of Object.keys(ROWS) as FailureCode[]) {
    const [source, status, anthropicType, retry, text] = ROWS[code];
    table[code] = Object.freeze({ code, source, status, anthropicType, retry, text });
  }
  return Object.freeze(table);
}

/** Every failure by its code. */
export const FAILURES = build();

/** Codes in a fixed order: the index is the label index of the shared-memory failure counters. */
export const FAILURE_CODES = Object.freeze(Object.keys(ROWS)) as readonly FailureCode[];

/** A failure that happened to one exchange: the registry row plus what is special about this case. */
export interface Refusal {
  readonly failure: Failure;
  /** One sentence for the client, without secrets; empty when the registry's text says everything. */
  readonly detail: string;
  /** Seconds for `retry-after`; 0 means none is sent. */
  readonly retryAfterSeconds: number;
}

export function refuse(code: FailureCode, detail = '', retryAfterSeconds = 0): Refusal {
  const failure = FAILURES[code];
  const seconds = retryAfterSeconds > 0 ? Math.ceil(retryAfterSeconds) : failure.retry === 'later' ? 1 : 0;
  return { failure, detail, retryAfterSeconds: seconds };
}
