/**
 * Usage records as bytes: a MessagePack array in the order of `FIELDS`, the same in ring and journal. Enumerations travel as their
 * index. Encoding never fails and never exceeds RECORD_BYTES_MAX whatever a record holds: a front must be able to settle, so
 * texts are cut and numbers clamped. Decoding trusts nothing. Fronts encode, the usage-writer decodes; no I/O.
 */
import { unpack } from '#base/msgpack.ts';
import { PackWriter } from '#base/pack-writer.ts';
import { RECORD_BYTES_MAX, type UsageRecord, type UsageSource } from './record.ts';

/** Order is the format: append, never reorder. The index is what is stored. */
export const STATUSES: readonly UsageRecord['status'][] = ['completed', 'client_gone', 'interrupted', 'open'];
export const SOURCES: readonly UsageSource[] = ['reported', 'partial', 'estimated'];

export const INT_MAX = 2 ** 31 - 1;
export const SMALL_MAX = 2 ** 15 - 1;
const BIGINT_MAX = 2n ** 63n - 1n;
const REQUEST_ID_CHARS = 32;
export const MODEL_BYTES_MAX = 128;
export const FOREIGN_ID_BYTES_MAX = 64;
export const WORD_BYTES_MAX = 32;
export const TIME_MAX = 253_402_300_799_999; // end of the year 9999
const REQUEST_ID = /^[0-9a-f]{32}$/;

/** A field of the wrong type or out of bounds in bytes that passed their checksum. */
export class RecordError extends Error {
  override readonly name = 'RecordError';
}

/** How many fields this version writes. */
export const FIELDS = 37;
/** Of formats 1 and 2, when everything was Anthropic Messages. */
const EARLIER_FIELDS = 27;
const writer = new PackWriter(RECORD_BYTES_MAX);

/** The bytes are valid until the next call. */
export function encodeRecord(record: UsageRecord): Uint8Array {
  writer.startArray(FIELDS);
  writeText(record.requestId, REQUEST_ID_CHARS);
  writer.int(clampInt(record.createdAtMs, 0, TIME_MAX));
  writer.int(clampInt(record.userId, 0, INT_MAX));
  writer.int(clampInt(record.keyId, 0, INT_MAX));
  writer.int(clampInt(record.groupId, 0, INT_MAX));
  writer.int(clampInt(record.accountId, 0, INT_MAX));
  writeText(record.model, MODEL_BYTES_MAX);
  writeText(record.upstreamModel, MODEL_BYTES_MAX);
  writer.boolean(record.stream);
  writer.int(STATUSES.indexOf(record.status));
  writer.int(SOURCES.indexOf(record.usageSource));
  writer.int(clampInt(record.httpStatus, 0, SMALL_MAX));
  writeTokens(record);
  writer.bigint(clampNano(record.costNanoUsd));
  writer.bigint(clampNano(record.chargedNanoUsd));
  writer.int(clampInt(record.multiplierMicros, 0, INT_MAX));
  writer.int(clampInt(record.attempts, 0, SMALL_MAX));
  writer.int(clampInt(record.queueMs, 0, INT_MAX));
  writer.int(clampInt(record.firstByteMs, -1, INT_MAX));
  writer.int(clampInt(record.durationMs, 0, INT_MAX));
  writeText(record.clientRequestId, FOREIGN_ID_BYTES_MAX);
  writeText(record.upstreamRequestId, FOREIGN_ID_BYTES_MAX);
  writeText(record.protocol, WORD_BYTES_MAX);
  writeText(record.upstreamProtocol, WORD_BYTES_MAX);
  writeText(record.serviceTier, WORD_BYTES_MAX);
  writeMedia(record);
  return writer.written;
}

function writeTokens(record: UsageRecord): void {
  writer.int(clampInt(record.inputTokens, 0, INT_MAX));
  writer.int(clampInt(record.outputTokens, 0, INT_MAX));
  writer.int(clampInt(record.cacheReadTokens, 0, INT_MAX));
  writer.int(clampInt(record.cacheWrite5mTokens, 0, INT_MAX));
  writer.int(clampInt(record.cacheWrite1hTokens, 0, INT_MAX));
  writer.int(clampInt(record.webSearchRequests, 0, INT_MAX));
}

function writeMedia(record: UsageRecord): void {
  writer.int(clampInt(record.reasoningTokens, 0, INT_MAX));
  writer.int(clampInt(record.audioInputTokens, 0, INT_MAX));
  writer.int(clampInt(record.audioOutputTokens, 0, INT_MAX));
  writer.int(clampInt(record.imageInputTokens, 0, INT_MAX));
  writer.int(clampInt(record.imageOutputTokens, 0, INT_MAX));
  writer.int(clampInt(record.mediaItems, 0, INT_MAX));
  writer.int(clampInt(record.mediaSeconds, 0, INT_MAX));
}

function writeText(text: string, bytesMax: number): void {
  if (!writer.asciiText(text, bytesMax)) writer.text(cutText(text, bytesMax));
}

const ID_START = 5;
const ID_END = ID_START + 32;

/** The request id of an encoded record, without decoding the rest; '' for bytes that are no record. */
export function requestIdIn(bytes: Buffer): string {
  // An array with a 16-bit length, then a string with an 8-bit length: what `pack` makes of the fields above.
  const known = bytes[0] === 0xdc && bytes[3] === 0xd9 && bytes[4] === 32;
  return known ? bytes.toString('latin1', ID_START, ID_END) : '';
}

/** What the fields that an earlier record lacks stand for, in their order. */
const SINCE_FORMAT_3 = ['messages', 'messages', '', 0, 0, 0, 0, 0, 0, 0];

/**
 * Throws RecordError (or what `unpack` throws on torn input). A record of an earlier format is completed; fields that a later version
 * appended are ignored.
 */
export function decodeRecord(bytes: Uint8Array): UsageRecord {
  const values: unknown = unpack(bytes);
  const earlier = Array.isArray(values) && values.length === EARLIER_FIELDS;
  const fields = new FieldReader(earlier ? [...values, ...SINCE_FORMAT_3] : values);
  return {
    requestId: fields.requestId('requestId'),
    createdAtMs: fields.int('createdAtMs', 0, TIME_MAX),
    userId: fields.int('userId', 0, INT_MAX),
    keyId: fields.int('keyId', 0, INT_MAX),
    groupId: fields.int('groupId', 0, INT_MAX),
    accountId: fields.int('accountId', 0, INT_MAX),
    model: fields.text('model', MODEL_BYTES_MAX),
    upstreamModel: fields.text('upstreamModel', MODEL_BYTES_MAX),
    stream: fields.boolean('stream'),
    status: fields.oneOf('status', STATUSES),
    usageSource: fields.oneOf('usageSource', SOURCES),
    httpStatus: fields.int('httpStatus', 0, SMALL_MAX),
    inputTokens: fields.int('inputTokens', 0, INT_MAX),
    outputTokens: fields.int('outputTokens', 0, INT_MAX),
    cacheReadTokens: fields.int('cacheReadTokens', 0, INT_MAX),
    cacheWrite5mTokens: fields.int('cacheWrite5mTokens', 0, INT_MAX),
    cacheWrite1hTokens: fields.int('cacheWrite1hTokens', 0, INT_MAX),
    webSearchRequests: fields.int('webSearchRequests', 0, INT_MAX),
    costNanoUsd: fields.nano('costNanoUsd'),
    chargedNanoUsd: fields.nano('chargedNanoUsd'),
    multiplierMicros: fields.int('multiplierMicros', 0, INT_MAX),
    attempts: fields.int('attempts', 0, SMALL_MAX),
    queueMs: fields.int('queueMs', 0, INT_MAX),
    firstByteMs: fields.int('firstByteMs', -1, INT_MAX),
    durationMs: fields.int('durationMs', 0, INT_MAX),
    clientRequestId: fields.text('clientRequestId', FOREIGN_ID_BYTES_MAX),
    upstreamRequestId: fields.text('upstreamRequestId', FOREIGN_ID_BYTES_MAX),
    protocol: fields.text('protocol', WORD_BYTES_MAX),
    upstreamProtocol: fields.text('upstreamProtocol', WORD_BYTES_MAX),
    serviceTier: fields.text('serviceTier', WORD_BYTES_MAX),
    reasoningTokens: fields.int('reasoningTokens', 0, INT_MAX),
    audioInputTokens: fields.int('audioInputTokens', 0, INT_MAX),
    audioOutputTokens: fields.int('audioOutputTokens', 0, INT_MAX),
    imageInputTokens: fields.int('imageInputTokens', 0, INT_MAX),
    imageOutputTokens: fields.int('imageOutputTokens', 0, INT_MAX),
    mediaItems: fields.int('mediaItems', 0, INT_MAX),
    mediaSeconds: fields.int('mediaSeconds', 0, INT_MAX),
  };
}

/** Reads the fields of an array one after the other. */
class FieldReader {
  readonly #values: readonly unknown[];
  #next = 0;

  constructor(values: unknown) {
    if (!Array.isArray(values)) throw new RecordError('not an array of fields');
    this.#values = values;
  }

  requestId(name: string): string {
    const value = this.#values[this.#next++];
    if (typeof value !== 'string' || !REQUEST_ID.test(value)) throw new RecordError(`${name} is not 32 hex digits`);
    return value;
  }

  int(name: string, min: number, max: number): number {
    const value = this.#values[this.#next++];
    if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
      throw new RecordError(`${name} is not an integer from ${min} to ${max}`);
    }
    return value;
  }

  nano(name: string): bigint {
    const value = this.#values[this.#next++];
    if (typeof value !== 'bigint' || value < 0n || value > BIGINT_MAX) {
      throw new RecordError(`${name} is not a 64-bit amount`);
    }
    return value;
  }

  text(name: string, bytesMax: number): string {
    const value = this.#values[this.#next++];
    if (typeof value !== 'string' || value.includes('\0') || !value.isWellFormed()) {
      throw new RecordError(`${name} is not a clean text`);
    }
    if (Buffer.byteLength(value) > bytesMax) throw new RecordError(`${name} is longer than ${bytesMax} bytes`);
    return value;
  }

  boolean(name: string): boolean {
    const value = this.#values[this.#next++];
    if (typeof value !== 'boolean') throw new RecordError(`${name} is not a boolean`);
    return value;
  }

  oneOf<T extends string>(name: string, names: readonly T[]): T {
    const value = this.#values[this.#next++];
    const found = typeof value === 'number' ? names[value] : undefined;
    if (found === undefined) throw new RecordError(`${name} is not a known value`);
    return found;
  }
}

function clampInt(value: number, min: number, max: number): number {
  if (value >= min && value <= max) return Math.trunc(value);
  return value > max ? max : min; // NaN: the minimum
}

function clampNano(value: bigint): bigint {
  if (value < 0n) return 0n;
  return value > BIGINT_MAX ? BIGINT_MAX : value;
}

/** PostgreSQL takes neither NUL nor lone surrogates; a cut never splits a character. */
function cutText(text: string, bytesMax: number): string {
  const clean = text.slice(0, bytesMax).replaceAll('\0', '').toWellFormed();
  if (Buffer.byteLength(clean) <= bytesMax) return clean;
  const bytes = Buffer.from(clean);
  let end = bytesMax;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.toString('utf8', 0, end);
}
