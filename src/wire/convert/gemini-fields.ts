/**
 * Readers of Gemini documents that nobody has checked. Google takes every field in camelCase and in snake_case (`inlineData`,
 * `inline_data`), so clients write both. Pure.
 *
 *   content = { role?: "user" | "model" | "function", parts: [ part ] }
 *   part    = ( { text } | { inlineData: { mimeType, data } } | { fileData: { fileUri, mimeType } }
 *             | { functionCall: { name, args, id? } } | { functionResponse: { name, response, id?, parts? } }
 *             | { executableCode } | { codeExecutionResult } ) & { thought?, thoughtSignature? }
 *
 * Source: ai.google.dev/api/caching#Content; protobuf.dev/programming-guides/json (both spellings of a field).
 */
import type { JsonObject } from './crossing.ts';
import { asObject } from './json.ts';

/** The object with its own field names in camelCase; what lies inside is left as it is. Null: no object. */
export function asFields(value: unknown): JsonObject | null {
  const given = asObject(value);
  if (given === null) return null;
  const names = Object.keys(given);
  if (!names.some((name) => name.includes('_'))) return given;
  const fields: JsonObject = {};
  for (const name of names) define(fields, camelCase(name), given[name]);
  return fields;
}

function camelCase(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** Sets an own field even where its name is `__proto__`. */
export function define(object: JsonObject, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
}

/** Nested deeper than this, a value could exhaust the stack of whoever writes it as text. */
const DEPTH_MAX = 256;

/** The arguments of a call as an upstream gave them; none where they are no object or nested beyond all reason. */
export function givenArguments(value: unknown): JsonObject {
  const fields = asObject(value);
  return fields !== null && isShallow(fields) ? fields : {};
}

export function isShallow(value: unknown): boolean {
  let level: object[] = typeof value === 'object' && value !== null ? [value] : [];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEPTH_MAX) return false;
    const next: object[] = [];
    for (const each of level) {
      for (const inner of Object.values(each)) if (typeof inner === 'object' && inner !== null) next.push(inner);
    }
    level = next;
  }
  return true;
}

const SHOWN_CHARS_MAX = 64;

/** What a client wrote, short enough to be repeated in a refusal. */
export function shown(text: string): string {
  return text === '' ? 'none' : text.slice(0, SHOWN_CHARS_MAX);
}

/** Gemini 1 and 2: thinking in budgets alone, media beside a function's response instead of in it. */
export function isEarlyGemini(model: string): boolean {
  return /gemini-[12](\.|-|$)/.test(model);
}

/** Kinds of media by the ending of a URL, for protocols that do not say the type of what a URL leads to. */
const MEDIA_TYPES: readonly (readonly [ending: RegExp, mediaType: string])[] = [
  [/\.png$/i, 'image/png'],
  [/\.jpe?g$/i, 'image/jpeg'],
  [/\.gif$/i, 'image/gif'],
  [/\.webp$/i, 'image/webp'],
  [/\.pdf$/i, 'application/pdf'],
  [/\.txt$/i, 'text/plain'],
];

/** The media type that a URL's path ends with; `otherwise` where it does not say. */
export function mediaTypeOfUrl(url: string, otherwise: string): string {
  const path = url.split(/[?#]/, 1)[0] ?? '';
  return MEDIA_TYPES.find(([ending]) => ending.test(path))?.[1] ?? otherwise;
}

export function isWebUrl(url: string): boolean {
  return /^https?:\/\//i.test(url);
}

/** Files that were uploaded to Google are readable with the key of their owner alone. */
export function isGoogleFile(url: string): boolean {
  return /^https?:\/\/generativelanguage\.googleapis\.com\//i.test(url);
}
