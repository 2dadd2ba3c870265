/**
 * Usage of one Gemini answer, merged from the `usageMetadata` of its chunks; a JSON answer has one. Pure; runs on front threads.
 * Never throws: what is not a sane number is skipped.
 *
 *   usageMetadata = { promptTokenCount, cachedContentTokenCount, toolUsePromptTokenCount, candidatesTokenCount, thoughtsTokenCount,
 *                     totalTokenCount,
 *                     promptTokensDetails, cacheTokensDetails, toolUsePromptTokensDetails, candidatesTokensDetails: details }
 *   details       = [ { modality: TEXT | IMAGE | VIDEO | AUDIO | DOCUMENT, tokenCount } ]
 *
 * - Numbers are those of the whole request so far: a later chunk's number replaces the earlier one, it never adds. Every field is optional,
 *   and chunks differ in which they have (Vertex: the cached ones from the first, the others with the last; gateways: an end without the
 *   cached ones), so a field that a later chunk leaves out keeps its number; one that never came is 0. Likewise each list of details.
 * - `promptTokenCount` includes what was read from a cache and excludes what tools put into the prompt; `candidatesTokenCount`
 *   excludes thoughts, which cost the same. So input = prompt - cached + tool use, output = candidates + thoughts.
 * - Sound and pictures are taken out of both by the details, which are part of the numbers, never beside them: a list that claims
 *   more than its number holds is cut to it. Video and documents are priced like text.
 * - `totalTokenCount` adds nothing that the others do not say, and is not read.
 *
 * Source: ai.google.dev/api/generate-content (UsageMetadata), ai.google.dev/gemini-api/docs/tokens.
 */
import { TOKENS_MAX, type TokenCounts, zeroCounts } from './token-counts.ts';

type Json = { readonly [field: string]: unknown };

const FIELDS = [
  ['promptTokenCount', 'promptTokensDetails'],
  ['cachedContentTokenCount', 'cacheTokensDetails'],
  ['toolUsePromptTokenCount', 'toolUsePromptTokensDetails'],
  ['candidatesTokenCount', 'candidatesTokensDetails'],
  ['thoughtsTokenCount', ''],
] as const;
const PROMPT = 0;
const CACHED = 1;
const TOOL_USE = 2;
const CANDIDATES = 3;
const THOUGHTS = 4;

export class GeminiUsage {
  /** All three by index of FIELDS; audio and pictures are part of the tokens. */
  readonly #tokens: number[] = FIELDS.map(() => 0);
  readonly #audio: number[] = FIELDS.map(() => 0);
  readonly #images: number[] = FIELDS.map(() => 0);

  reset(): void {
    this.#tokens.fill(0);
    this.#audio.fill(0);
    this.#images.fill(0);
  }

  copyFrom(other: GeminiUsage): void {
    for (let i = 0; i < FIELDS.length; i++) {
      this.#tokens[i] = other.#tokens[i]!;
      this.#audio[i] = other.#audio[i]!;
      this.#images[i] = other.#images[i]!;
    }
  }

  /** Takes over what `usageMetadata` holds. True when it held a number of prompt or candidate tokens: real ones do. */
  merge(usageMetadata: unknown): boolean {
    if (typeof usageMetadata !== 'object' || usageMetadata === null) return false;
    const fields = usageMetadata as Json;
    let found = false;
    for (let i = 0; i < FIELDS.length; i++) {
      const [tokensField, detailsField] = FIELDS[i]!;
      const details = fields[detailsField];
      if (Array.isArray(details)) {
        this.#audio[i] = tokensOf(details, 'AUDIO');
        this.#images[i] = tokensOf(details, 'IMAGE');
      }
      const tokens = fields[tokensField];
      if (!isCount(tokens)) continue;
      this.#tokens[i] = tokens;
      if (i === PROMPT || i === CANDIDATES) found = true;
    }
    return found;
  }

  counts(): TokenCounts {
    const tokens = this.#tokens;
    const counts = zeroCounts();
    counts.cacheReadTokens = Math.min(tokens[CACHED]!, tokens[PROMPT]!);
    const input = bounded(tokens[PROMPT]! - counts.cacheReadTokens + tokens[TOOL_USE]!);
    const output = bounded(tokens[CANDIDATES]! + tokens[THOUGHTS]!);
    counts.audioInputTokens = inputOf(this.#audio, input);
    counts.imageInputTokens = inputOf(this.#images, input - counts.audioInputTokens);
    counts.audioOutputTokens = Math.min(this.#audio[CANDIDATES]!, tokens[CANDIDATES]!);
    counts.imageOutputTokens = Math.min(this.#images[CANDIDATES]!, tokens[CANDIDATES]! - counts.audioOutputTokens);
    counts.inputTokens = input - counts.audioInputTokens - counts.imageInputTokens;
    counts.outputTokens = Math.max(0, output - counts.audioOutputTokens - counts.imageOutputTokens);
    counts.reasoningTokens = Math.min(tokens[THOUGHTS]!, counts.outputTokens);
    return counts;
  }
}

/** Of one modality, the part that was sent and not read from a cache; at most `inputTokens`. */
function inputOf(modality: readonly number[], inputTokens: number): number {
  const sent = Math.max(0, modality[PROMPT]! - modality[CACHED]!) + modality[TOOL_USE]!;
  return Math.min(sent, inputTokens);
}

function tokensOf(details: readonly unknown[], modality: string): number {
  let tokens = 0;
  for (const each of details) {
    const detail = each as Json | null | undefined;
    if (detail?.['modality'] === modality && isCount(detail['tokenCount'])) tokens += detail['tokenCount'];
  }
  return bounded(tokens);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= TOKENS_MAX;
}

function bounded(tokens: number): number {
  return Math.min(tokens, TOKENS_MAX);
}
