/**
 * What a stream has said of its usage so far: numbers are cumulative, and the last one that is not null counts. Fields that nobody reads are
 * not kept. Pure; one object a stream.
 */
import type { JsonObject } from './crossing.ts';
import { asObject } from './json.ts';
import { jsonChars } from './json-chars.ts';

export const USAGE_OF_GEMINI = [
  'promptTokenCount',
  'toolUsePromptTokenCount',
  'cachedContentTokenCount',
  'candidatesTokenCount',
  'thoughtsTokenCount',
  'promptTokensDetails',
] as const;

export const USAGE_OF_MESSAGES = [
  'input_tokens',
  'output_tokens',
  'cache_read_input_tokens',
  'cache_creation_input_tokens',
  'cache_creation',
  'output_tokens_details',
  'service_tier',
] as const;

export const USAGE_OF_CHAT = [
  'prompt_tokens',
  'completion_tokens',
  'prompt_tokens_details',
  'completion_tokens_details',
] as const;

export class KeptUsage {
  readonly fields: JsonObject = {};
  readonly #names: readonly string[];
  /** By the place of the name. */
  readonly #chars: number[];
  #heldChars = 0;

  constructor(names: readonly string[]) {
    this.#names = names;
    this.#chars = names.map(() => 0);
  }

  /** Without its plain numbers, which are few. */
  get heldChars(): number {
    return this.#heldChars;
  }

  add(said: unknown): void {
    const usage = asObject(said);
    if (usage === null) return;
    for (let i = 0; i < this.#names.length; i++) {
      const name = this.#names[i]!;
      const value = usage[name];
      if (value === undefined || value === null) continue;
      const chars = typeof value === 'number' ? 0 : jsonChars(value);
      this.#heldChars += chars - this.#chars[i]!;
      this.#chars[i] = chars;
      this.fields[name] = value;
    }
  }
}
