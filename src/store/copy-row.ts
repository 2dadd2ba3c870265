/**
 * Usage records as rows of COPY's text format (PostgreSQL, "COPY", File Formats). Every field is checked here, because a row that
 * PostgreSQL refuses costs the connection: texts without NUL and well-formed, integers within their column, amounts within bigint.
 */
import type { UsageRecord } from '#usage/record.ts';

const INT_MAX = 2 ** 31 - 1;
const SMALL_MAX = 2 ** 15 - 1;
const BIGINT_MAX = 2n ** 63n - 1n;
/** The end of the year 9999. */
const TIME_MAX = 253_402_300_799_999;
const TEXT_CHARS_MAX = 256;
const REQUEST_ID = /^[0-9a-f]{32}$/;

/** Columns in the order of `copyRow`. */
export const USAGE_COLUMNS = [
  'request_id',
  'created_at',
  'user_id',
  'key_id',
  'group_id',
  'account_id',
  'model',
  'upstream_model',
  'stream',
  'status',
  'usage_source',
  'http_status',
  'input_tokens',
  'output_tokens',
  'cache_read_tokens',
  'cache_write_5m_tokens',
  'cache_write_1h_tokens',
  'web_search_requests',
  'cost_nano_usd',
  'charged_nano_usd',
  'multiplier_micros',
  'attempts',
  'queue_ms',
  'first_byte_ms',
  'duration_ms',
  'client_request_id',
  'upstream_request_id',
  'protocol',
  'upstream_protocol',
  'service_tier',
  'reasoning_tokens',
  'audio_input_tokens',
  'audio_output_tokens',
  'image_input_tokens',
  'image_output_tokens',
  'media_items',
  'media_seconds',
].join(', ');

/** A field that its column does not take. */
export class RowError extends Error {
  override readonly name = 'RowError';
}

/** One line with its newline. Throws RowError. */
export function copyRow(record: UsageRecord): string {
  if (!REQUEST_ID.test(record.requestId)) throw new RowError('requestId is not 32 hex digits');
  if (record.status === 'open') throw new RowError('an open record is no row');
  return `${[
    record.requestId,
    timeText(record.createdAtMs),
    int(record.userId, INT_MAX),
    int(record.keyId, INT_MAX),
    int(record.groupId, INT_MAX),
    int(record.accountId, INT_MAX),
    text(record.model),
    text(record.upstreamModel),
    record.stream ? 't' : 'f',
    text(record.status),
    text(record.usageSource),
    int(record.httpStatus, SMALL_MAX),
    int(record.inputTokens, INT_MAX),
    int(record.outputTokens, INT_MAX),
    int(record.cacheReadTokens, INT_MAX),
    int(record.cacheWrite5mTokens, INT_MAX),
    int(record.cacheWrite1hTokens, INT_MAX),
    int(record.webSearchRequests, INT_MAX),
    nano(record.costNanoUsd),
    nano(record.chargedNanoUsd),
    int(record.multiplierMicros, INT_MAX),
    int(record.attempts, SMALL_MAX),
    int(record.queueMs, INT_MAX),
    int(record.firstByteMs, INT_MAX),
    int(record.durationMs, INT_MAX),
    text(record.clientRequestId),
    text(record.upstreamRequestId),
    text(record.protocol),
    text(record.upstreamProtocol),
    text(record.serviceTier),
    int(record.reasoningTokens, INT_MAX),
    int(record.audioInputTokens, INT_MAX),
    int(record.audioOutputTokens, INT_MAX),
    int(record.imageInputTokens, INT_MAX),
    int(record.imageOutputTokens, INT_MAX),
    int(record.mediaItems, INT_MAX),
    int(record.mediaSeconds, INT_MAX),
  ].join('\t')}\n`;
}

function int(value: number, max: number): string {
  if (!Number.isInteger(value) || value < -1 || value > max)
    throw new RowError(`${value} is not an integer up to ${max}`);
  return String(value);
}

function nano(value: bigint): string {
  if (typeof value !== 'bigint' || value < 0n || value > BIGINT_MAX) throw new RowError(`${value} is not an amount`);
  return String(value);
}

/** The last second that was written out: rows of a batch lie close together, and a `Date` for each cost a quarter of a row. */
let second = Number.NaN;
let secondText = '';

function timeText(ms: number): string {
  const inSeconds = Math.floor(ms / 1000);
  if (inSeconds !== second) {
    if (!(ms >= 0 && ms <= TIME_MAX)) throw new RowError(`${ms} is not a time`);
    secondText = new Date(inSeconds * 1000).toISOString().slice(0, -4);
    second = inSeconds;
  }
  return `${secondText}${String(ms - inSeconds * 1000).padStart(3, '0')}Z`;
}

function text(value: string): string {
  if (value.length > TEXT_CHARS_MAX) throw new RowError(`a text of ${value.length} characters`);
  if (value.includes('\0') || !value.isWellFormed()) throw new RowError('a text with NUL or half a character');
  return /[\\\t\n\r]/.test(value) ? value.replace(/[\\\t\n\r]/g, (found) => ESCAPES[found]!) : value;
}

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\t': '\\t', '\n': '\\n', '\r': '\\r' };
