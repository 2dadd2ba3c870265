/**
 * The codings of HTTP bodies that are decoded (RFC 9110 §8.4, RFC 7932, RFC 9659), and how much memory decoding one takes. Pure; any
 * thread.
 */
export const CODINGS = ['gzip', 'deflate', 'br', 'zstd'] as const;

export type Coding = (typeof CODINGS)[number];

const BY_NAME = new Map<string, Coding | 'identity'>([
  ['identity', 'identity'],
  // RFC 9110 §8.4.1.3: to be taken for gzip.
  ['x-gzip', 'gzip'],
  ...CODINGS.map((coding) => [coding, coding] as const),
]);

/** What a `content-encoding` names; null: something unknown, or several one upon another. '' is identity. */
export function readCoding(value: string): Coding | 'identity' | null {
  if (value === '') return 'identity';
  return BY_NAME.get(value.trim().toLowerCase()) ?? null;
}

/** A window of 8 MiB is all that a sender may count on (RFC 9659 §3); a frame that asks for more is refused. */
const ZSTD_WINDOW_LOG_MAX = 23;
const ZSTD_WINDOW_LOG_MIN = 20;
/** Magic, descriptor, dictionary's id, size: what must be there for the window to be known. */
const ZSTD_HEAD_BYTES_MAX = 17;
/** RFC 7932 §9.1: at most 24 bits. */
export const WINDOW_BYTES_MAX = 1 << 24;
const DEFLATE_WINDOW_BYTES = 1 << 15;

/** Beside its window: tables, what it reads, what it has ready. */
const BESIDE_WINDOW_BYTES = 384 * 1024;

/** Memory that decoding a body takes, in whole KiB, as far as the beginning of the body says so; at worst when it does not. */
export function decoderBytes(coding: Coding, first: Uint8Array): number {
  return windowBytes(coding, first) + BESIDE_WINDOW_BYTES;
}

/** Bytes of history that a decoder keeps, as far as the beginning of the body says so; at worst when it does not. */
export function windowBytes(coding: Coding, first: Uint8Array): number {
  if (coding === 'br') return first.length === 0 ? WINDOW_BYTES_MAX : 2 ** brotliWindowBits(first[0]!);
  if (coding === 'zstd') return zstdWindowBytes(first);
  return DEFLATE_WINDOW_BYTES;
}

/** RFC 7932 §9.1: one to seven bits, the lowest first. */
function brotliWindowBits(byte: number): number {
  if ((byte & 1) === 0) return 16;
  const high = (byte >> 1) & 7;
  if (high > 0) return 17 + high;
  const low = (byte >> 4) & 7;
  return low === 0 ? 17 : 8 + low;
}

/**
 * RFC 8878 §3.1.1.1: a frame of one segment is its own window. Rounded up to a power of two, because that is what the decoder is held to:
 * no later frame may ask for more, so the least is what ordinary ones need.
 */
function zstdWindowBytes(first: Uint8Array): number {
  const max = 2 ** ZSTD_WINDOW_LOG_MAX;
  if (first.length < ZSTD_HEAD_BYTES_MAX) return max;
  const asked = (first[4]! & 0x20) === 0 ? describedWindow(first[5]!) : contentBytes(first);
  return Math.min(max, 2 ** Math.max(ZSTD_WINDOW_LOG_MIN, Math.ceil(Math.log2(asked))));
}

function describedWindow(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

/** Behind the dictionary's id; little end first. */
function contentBytes(first: Uint8Array): number {
  const descriptor = first[4]!;
  const at = 5 + [0, 1, 2, 4][descriptor & 3]!;
  const size = [1, 2, 4, 8][descriptor >> 6]!;
  let bytes = size === 2 ? 256 : 0;
  for (let i = 0; i < size; i++) bytes += first[at + i]! * 2 ** (8 * i);
  return Math.max(1, bytes);
}
