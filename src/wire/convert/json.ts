/**
 * Readers of parsed JSON that nobody has checked: what is not of the wanted kind is null. Pure.
 */
import type { JsonObject } from './crossing.ts';
import { isRawNumber, parseExact } from './exact-json.ts';

export function asObject(value: unknown): JsonObject | null {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value) && !isRawNumber(value);
  return isObject ? (value as JsonObject) : null;
}

export function asArray(value: unknown): readonly unknown[] | null {
  return Array.isArray(value) ? value : null;
}

export function asString(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** The double nearest to it. */
export function asNumber(value: unknown): number | null {
  const number = isRawNumber(value) ? Number(value.rawJSON) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : null;
}

export function asBoolean(value: unknown): boolean | null {
  return typeof value === 'boolean' ? value : null;
}

/** A number of tokens: whole and not negative; 0 for what is none. */
export function asCount(value: unknown): number {
  const number = asNumber(value);
  return Number.isSafeInteger(number) && number! > 0 ? number! : 0;
}

/** The object that `text` writes, its numbers exact; null when it is no JSON, or JSON of another kind. */
export function parseObject(text: string): JsonObject | null {
  try {
    return asObject(parseExact(text));
  } catch {
    return null;
  }
}

/** JSON text of a value that came out of JSON; null when it is nested too deep to be written. */
export function writeJson(value: unknown): string | null {
  try {
    return JSON.stringify(value) ?? null;
  } catch {
    return null;
  }
}
