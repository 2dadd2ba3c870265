/**
 * By what a client's requests are known to belong together, so that they go to the account whose caches they have filled. Pure.
 *
 *   Claude Code   header x-claude-code-session-id; metadata.user_id: `{"device_id":…,"session_id":"<uuid>"}` (2.1)
 *                 or `user_<hex>_account_<uuid>_session_<uuid>` (before)
 *   Codex         prompt_cache_key; headers thread-id, session-id, session_id, conversation_id
 *   OpenAI SDKs   prompt_cache_key
 *   Gemini CLI    header x-gemini-api-privileged-user-id, else the beginning of the conversation
 */
import type { Facts } from './facts.ts';

const HEADERS = [
  'x-claude-code-session-id',
  'thread-id',
  'session-id',
  'session_id',
  'conversation_id',
  'x-gemini-api-privileged-user-id',
];
const NAME_CHARS_MAX = 256;
/** Of the first texts of a conversation. */
const PREFIX_BYTES = 512;

/** Null: nothing says what this request belongs to. `forwarded`: name, value, … */
export function sessionOf(forwarded: readonly string[], facts: Facts): string | null {
  return facts.cacheKey ?? userSession(facts.userId) ?? headerSession(forwarded);
}

function headerSession(forwarded: readonly string[]): string | null {
  for (const name of HEADERS) {
    const at = forwarded.indexOf(name);
    // Names and values alternate: a value that looks like a name is none.
    if (at >= 0 && at % 2 === 0) return forwarded[at + 1]!.slice(0, NAME_CHARS_MAX);
  }
  return null;
}

const OLD_FORM = /_session_([0-9a-f-]{36})$/;

/** The session in either form of `metadata.user_id`, else all of it: a user is better than nothing. */
function userSession(userId: string | null): string | null {
  if (userId === null || userId === '') return null;
  const [, old] = OLD_FORM.exec(userId) ?? [];
  if (old !== undefined) return old;
  return (userId.startsWith('{') ? jsonSession(userId) : null) ?? userId;
}

function jsonSession(text: string): string | null {
  try {
    const { session_id: session } = JSON.parse(text) as { session_id?: unknown };
    return typeof session === 'string' && session !== '' ? session : null;
  } catch {
    return null;
  }
}

/** The beginning of the first texts: all turns of one conversation have it in common. */
export function prefixOf(bytes: Uint8Array, { systemSpans, messageSpans }: Facts): string | null {
  if (systemSpans.length === 0 && messageSpans.length === 0) return null;
  return textAt(bytes, systemSpans) + textAt(bytes, messageSpans);
}

function textAt(bytes: Uint8Array, spans: Int32Array): string {
  if (spans.length === 0) return '';
  const end = Math.min(spans[1]!, spans[0]! + PREFIX_BYTES);
  return Buffer.from(bytes.buffer, bytes.byteOffset + spans[0]!, end - spans[0]!).toString('latin1');
}
