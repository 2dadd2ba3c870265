/**
 * API keys: how they are made, what is stored of them. The key itself is shown once, when it is made; stored are its SHA-256 and
 * a display prefix. Runs on every thread; does no I/O.
 */
import { hash, randomBytes } from 'node:crypto';

const KEY_START = 'sk-ps-';
const KEY_RANDOM_BYTES = 32;
/** `sk-ps-` and 6 characters: tells keys apart for people, and leaves 220 of the 256 bits unknown. */
const PREFIX_CHARS = KEY_START.length + 6;

/** A new key: `sk-ps-` and 256 random bits in base64url (49 characters in all). */
export function generateKey(): string {
  return KEY_START + randomBytes(KEY_RANDOM_BYTES).toString('base64url');
}

/** SHA-256 of a presented key, 64 hex digits. Keys are 256 random bits, so a slow password hash would add nothing. */
export function hashKey(key: string): string {
  return hash('sha256', key, 'hex');
}

/** What is shown of a key in lists. Of short keys, given in a file, at most half is shown. */
export function keyPrefix(key: string): string {
  return key.slice(0, Math.min(PREFIX_CHARS, Math.floor(key.length / 2)));
}
