/**
 * The object keys of a Messages request that mean something to the gateway, compared as bytes. No state, runs on every thread.
 */

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
export function roleOf(keys: Keys, bytes: Uint8Array, start: number, end: number, escaped: boolean): number {
  if (escaped)
    return end - start > ESCAPED_BYTES_MAX ? ROLE_NONE : escapedRoleOf(keys, decodeString(bytes, start, end));
  for (const candidate of keys) {
    if (candidate.bytes.length === end - start && startsWith(bytes, start, candidate.bytes)) return candidate.role;
  }
  return ROLE_NONE;
}

/** The string whose raw contents are the validated bytes [start, end). */
export function decodeString(bytes: Uint8Array, start: number, end: number): string {
  const raw = Buffer.from(bytes.buffer, bytes.byteOffset + start - 1, end - start + 2);
  return JSON.parse(raw.toString('utf8')) as string;
}

function escapedRoleOf(keys: Keys, name: string): number {
  return keys.find((candidate) => candidate.name === name)?.role ?? ROLE_NONE;
}

function startsWith(bytes: Uint8Array, at: number, prefix: Uint8Array): boolean {
  for (let i = 0; i < prefix.length; i++) if (bytes[at + i] !== prefix[i]) return false;
  return true;
}
