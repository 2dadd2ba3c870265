/**
 * By what thinking is known that a crossing gave to a client of another protocol: its signature begins with our mark. It comes back with the
 * history; only the crossing that gave it can read it, and an upstream of the client's own protocol refuses it. No state, runs on every thread.
 *
 *   Messages   { type: thinking, signature }                   "penstock-…"
 *   Responses  { type: reasoning, encrypted_content }          "penstock-…"
 *   Gemini     { thought, thoughtSignature }                   base64 of it, as Google's clients decode signatures
 */

/** Nine bytes: its base64 is the beginning of the base64 of whatever follows it. */
export const CARRIED_MARK = 'penstock-';
export const CARRIED_MARK_BASE64 = Buffer.from(CARRIED_MARK).toString('base64');

const PLAIN = Buffer.from(CARRIED_MARK);
const BASE64 = Buffer.from(CARRIED_MARK_BASE64);

/** Whether the string whose raw contents are `bytes[start, end)` is such a signature. */
export function isCarriedAt(bytes: Uint8Array, start: number, end: number): boolean {
  return beginsWith(bytes, start, end, PLAIN) || beginsWith(bytes, start, end, BASE64);
}

function beginsWith(bytes: Uint8Array, start: number, end: number, mark: Uint8Array): boolean {
  if (end - start < mark.length) return false;
  for (let i = 0; i < mark.length; i++) if (bytes[start + i] !== mark[i]) return false;
  return true;
}
