/**
 * What the keys of a request mean to the gateway, compared as bytes. Which protocol uses which keys says `request-shape.ts`. No state, runs on every thread.
 */

const BACKSLASH = 0x5c;

/** What a key's value is to the gateway. */
export const ROLE_NONE = 0;
export const ROLE_MODEL = 1;
export const ROLE_STREAM = 2;
export const ROLE_MAX_TOKENS = 3;
export const ROLE_METADATA = 4;
export const ROLE_SYSTEM = 5;
export const ROLE_MESSAGES = 6;
export const ROLE_TOOLS = 7;
export const ROLE_USER_ID = 8;
export const ROLE_TEXT = 9;
export const ROLE_CONTENT = 10;
export const ROLE_CACHE_CONTROL = 11;

/** Names the part of the prompt that a client's requests have in common: `prompt_cache_key`. */
export const ROLE_CACHE_KEY = 12;
export const ROLE_PREVIOUS_ID = 13;
export const ROLE_STREAM_OPTIONS = 14;
export const ROLE_INCLUDE_USAGE = 15;
/** The object that holds the limit of output tokens: `generationConfig`. */
export const ROLE_GENERATION = 16;
/** Asks for an answer that is made while nobody waits: `background`. */
export const ROLE_BACKGROUND = 17;
/** Of a piece of thinking, by the model that thought it. */
export const ROLE_SIGNATURE = 18;
/** The object that holds the whole request instead: its fields are the body's. */
export const ROLE_ENVELOPE = 19;
/** Of how many answers in one the answer is to be made: `candidateCount`. */
export const ROLE_CANDIDATES = 20;

interface Key {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly role: number;
}
export interface Keys {
  readonly list: readonly Key[];
  /** By length in bytes: 1 where a key of that length exists. */
  readonly lengths: Uint8Array;
  /** Raw bytes of a key with one letter, or all of its letters, written as `\uXXXX`: what is shorter or longer need not be decoded. */
  readonly escapedBytesMin: number;
  readonly escapedBytesMax: number;
}

export function keysOf(roles: Readonly<Record<string, number>>): Keys {
  const list = Object.entries(roles).map(([name, role]) => ({ name, bytes: new TextEncoder().encode(name), role }));
  const sizes = list.map(({ name }) => name.length);
  const lengths = new Uint8Array(Math.max(0, ...sizes) + 1);
  for (const size of sizes) lengths[size] = 1;
  return { list, lengths, escapedBytesMin: Math.min(...sizes) + 5, escapedBytesMax: Math.max(0, ...sizes) * 6 };
}

/** Role of the key whose raw bytes (between the quotes, already validated) are [start, end). */
export function roleOf(keys: Keys, bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length < keys.lengths.length && keys.lengths[length] === 1) {
    for (const { bytes: name, role } of keys.list) {
      if (name.length === length && startsWith(bytes, start, name)) return role;
    }
  }
  // A key may be written with escapes: "mod\u0065l" is model.
  if (length < keys.escapedBytesMin || length > keys.escapedBytesMax || !hasBackslash(bytes, start, end)) {
    return ROLE_NONE;
  }
  const decoded = decodeString(bytes, start, end);
  return keys.list.find(({ name }) => name === decoded)?.role ?? ROLE_NONE;
}

/** The string whose raw contents, between quotes, are the validated bytes [start, end). */
export function decodeString(bytes: Uint8Array, start: number, end: number): string {
  const quote = hasBackslash(bytes, start, end) ? 1 : 0;
  const raw = Buffer.from(bytes.buffer, bytes.byteOffset + start - quote, end - start + 2 * quote).toString('utf8');
  return quote === 1 ? (JSON.parse(raw) as string) : raw;
}

function hasBackslash(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === BACKSLASH) return true;
  return false;
}

function startsWith(bytes: Uint8Array, at: number, prefix: Uint8Array): boolean {
  for (let i = 0; i < prefix.length; i++) if (bytes[at + i] !== prefix[i]) return false;
  return true;
}
