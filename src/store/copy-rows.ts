/**
 * Usage records as rows of COPY's binary format (PostgreSQL, "COPY", File Formats): from bytes to bytes, no value between, because the
 * usage-writer does this for every request. Rows lie in one buffer that is used again.
 *
 *   ┌──────────────────────────────┐ ┌────────┬────────┬───────┬────────┬───────┬─ ─ ─┬────────┬───────┐ ┌─ ─ ┐ ┌───────┐
 *   │ signature, flags, no extras  │ │ fields │ length │ field │ length │ field │     │ length │ field │ │ …  │ │ −1    │
 *   │ 19 bytes                     │ │ i16    │ i32    │       │ i32    │       │     │ i32    │       │ │    │ │ i16   │
 *   └──────────────────────────────┘ └────────┴────────┴───────┴────────┴───────┴─ ─ ─┴────────┴───────┘ └─ ─ ┘ └───────┘
 *
 * Highest byte first. A row that PostgreSQL refuses costs the connection, so integers are held to their columns here once more.
 */
import { FIELDS, SOURCES, STATUSES } from '#usage/record-codec.ts';
import { HEX, RecordCursor } from '#usage/record-cursor.ts';

const INT_MAX = 2 ** 31 - 1;
const SMALL_MAX = 2 ** 15 - 1;
/** The end of the year 9999. */
const TIME_MAX = 253_402_300_799_999;
const TEXT_BYTES_MAX = 255;
/** PostgreSQL counts microseconds from the start of the year 2000. */
const EPOCH_MS = 946_684_800_000;
const WORD = 2 ** 32;

/** Columns in the order of `CopyRows.add`, which is that of an encoded record. */
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

const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
const END_BYTES = 2;
/** More than the largest row: seven texts of 255 bytes, and 30 fields of up to 16. */
const ROW_BYTES_MAX = 3072;
const START_BYTES = 64 * 1024;

const STATUS_TEXTS = STATUSES.map((text) => Buffer.from(text));
const SOURCE_TEXTS = SOURCES.map((text) => Buffer.from(text));
const OPEN = STATUSES.indexOf('open');

/** Bytes that are no record, or no row. */
export class RowError extends Error {
  override readonly name = 'RowError';
}

export class CopyRows {
  readonly #record = new RecordCursor();
  #bytes = Buffer.allocUnsafe(START_BYTES);
  #view = viewOf(this.#bytes);
  #at = 0;

  constructor() {
    this.clear();
  }

  /** Forgets all rows; `written` before is valid until now. */
  clear(): void {
    this.#at = SIGNATURE.copy(this.#bytes);
  }

  /** The rows and COPY's end mark, valid until `add` or `clear`. */
  get written(): Buffer {
    this.#view.setInt16(this.#at, -1);
    return this.#bytes.subarray(0, this.#at + END_BYTES);
  }

  /** One record, encoded in the one form of `encodeRecord`. Throws RowError; then no row was added. */
  add(record: Uint8Array): void {
    if (this.#bytes.length - this.#at < ROW_BYTES_MAX + END_BYTES) this.#grow();
    const start = this.#at;
    this.#view.setInt16(start, FIELDS);
    this.#at = start + 2;
    this.#record.start(record);
    const status = this.#fields();
    if (this.#record.end() && status !== OPEN) return;
    this.#at = start;
    throw new RowError(status === OPEN ? 'an open record is no row' : 'not a record as it is encoded here');
  }

  /** Returns the index of its status. */
  #fields(): number {
    const record = this.#record;
    this.#requestId();
    this.#time();
    this.#ints(0, 4); // user, key, group, account
    this.#text();
    this.#text();
    this.#boolean();
    const status = record.int(0, STATUSES.length - 1);
    this.#known(STATUS_TEXTS[status]);
    this.#known(SOURCE_TEXTS[record.int(0, SOURCES.length - 1)]);
    this.#small(); // HTTP status
    this.#ints(0, 6); // tokens, web searches
    this.#nano();
    this.#nano();
    this.#ints(0, 1); // multiplier
    this.#small(); // attempts
    this.#ints(-1, 3); // waited, first byte, duration
    this.#text();
    this.#text();
    this.#text();
    this.#text();
    this.#text();
    this.#ints(0, 7); // reasoning, sound, pictures, media
    return status;
  }

  #ints(min: number, count: number): void {
    for (let i = 0; i < count; i++) {
      this.#view.setInt32(this.#at, 4);
      this.#view.setInt32(this.#at + 4, this.#record.int(min, INT_MAX));
      this.#at += 8;
    }
  }

  #small(): void {
    this.#view.setInt32(this.#at, 2);
    this.#view.setInt16(this.#at + 4, this.#record.int(0, SMALL_MAX));
    this.#at += 6;
  }

  #boolean(): void {
    this.#view.setInt32(this.#at, 1);
    this.#bytes[this.#at + 4] = this.#record.boolean() ? 1 : 0;
    this.#at += 5;
  }

  /** Two digits a byte. */
  #requestId(): void {
    const record = this.#record;
    record.requestId();
    if (!record.sound) return;
    this.#view.setInt32(this.#at, 16);
    this.#at += 4;
    for (let i = record.at - 32; i < record.at; i += 2) {
      this.#bytes[this.#at++] = (HEX[record.bytes[i]!]! << 4) | HEX[record.bytes[i + 1]!]!;
    }
  }

  /** Microseconds of 64 bits, in two words: they exceed what a number holds exactly. */
  #time(): void {
    const ms = this.#record.int(0, TIME_MAX) - EPOCH_MS;
    const high = Math.floor(ms / WORD);
    const low = (ms - high * WORD) * 1000;
    this.#view.setInt32(this.#at, 8);
    this.#view.setInt32(this.#at + 4, high * 1000 + Math.floor(low / WORD));
    this.#view.setUint32(this.#at + 8, low % WORD);
    this.#at += 12;
  }

  #nano(): void {
    this.#record.nano();
    this.#copy(8);
  }

  #text(): void {
    this.#copy(this.#record.text(TEXT_BYTES_MAX));
  }

  /** The field's last bytes as they are. */
  #copy(length: number): void {
    const { bytes, at, sound } = this.#record;
    if (!sound || at > bytes.length) return;
    this.#view.setInt32(this.#at, length);
    this.#at += 4;
    for (let i = at - length; i < at; i++) this.#bytes[this.#at++] = bytes[i]!;
  }

  #known(text: Buffer | undefined): void {
    if (text === undefined) return;
    this.#view.setInt32(this.#at, text.length);
    this.#at += 4;
    for (let i = 0; i < text.length; i++) this.#bytes[this.#at++] = text[i]!;
  }

  #grow(): void {
    const bytes = Buffer.allocUnsafe(this.#bytes.length * 2);
    this.#bytes.copy(bytes, 0, 0, this.#at);
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
