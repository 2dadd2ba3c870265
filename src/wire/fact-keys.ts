/**
 * The object keys of a Messages request that mean something to the gateway, compared as bytes. No state, runs on every thread.
 */
import { BACKSLASH } from './scan-grammar.ts';

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

interface Key {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly role: number;
}
export type Keys = readonly Key[];

function key(name: string, role: number): Key {
  return { name, bytes: new TextEncoder().encode(name), role };
}

export const TOP_KEYS: Keys = [
  key('model', ROLE_MODEL),
  key('stream', ROLE_STREAM),
  key('max_tokens', ROLE_MAX_TOKENS),
  key('metadata', ROLE_METADATA),
  key('system', ROLE_SYSTEM),
  key('messages', ROLE_MESSAGES),
  key('tools', ROLE_TOOLS),
];
export const METADATA_KEYS: Keys = [key('user_id', ROLE_USER_ID)];
export const BLOCK_KEYS: Keys = [
  key('text', ROLE_TEXT),
  key('content', ROLE_CONTENT),
  key('cache_control', ROLE_CACHE_CONTROL),
];
export const TOOL_KEYS: Keys = [key('cache_control', ROLE_CACHE_CONTROL)];

/** The longest key above with every letter written as `\uXXXX`: what is longer is none of them and is not decoded. */
const ESCAPED_BYTES_MAX = 'cache_control'.length * 6;

/** Role of the key whose raw bytes (between the quotes, already validated) are [start, end). */
export function roleOf(keys: Keys, bytes: Uint8Array, start: number, end: number): number {
  for (const candidate of keys) {
    if (candidate.bytes.length === end - start && startsWith(bytes, start, candidate.bytes)) return candidate.role;
  }
  // A key may be written with escapes: "mod\u0065l" is model.
  if (end - start > ESCAPED_BYTES_MAX || !hasBackslash(bytes, start, end)) return ROLE_NONE;
  const name = decodeString(bytes, start, end);
  return keys.find((candidate) => candidate.name === name)?.role ?? ROLE_NONE;
}

/** The string whose raw contents, between quotes, are the validated bytes [start, end). */
export function decodeString(bytes: Uint8Array, start: number, end: number): string {
  const raw = Buffer.from(bytes.buffer, bytes.byteOffset + start - 1, end - start + 2).toString('utf8');
  return hasBackslash(bytes, start, end) ? (JSON.parse(raw) as string) : raw.slice(1, -1);
}

function hasBackslash(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === BACKSLASH) return true;
  return false;
}

function startsWith(bytes: Uint8Array, at: number, prefix: Uint8Array): boolean {
  for (let i = 0; i < prefix.length; i++) if (bytes[at + i] !== prefix[i]) return false;
  return true;
}
