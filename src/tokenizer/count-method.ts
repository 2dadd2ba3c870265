/**
 * By what the tokens of a model's text are counted, and how far that may be from what its vendor counts. OpenAI publishes its
 * vocabularies. Anthropic and Google do not: theirs are told from `o200k_base` by a factor. Pure; runs on every thread.
 *
 * | method | tokens of text | what is known of the error |
 * |---|---|---|
 * | `o200k_base`, `cl100k_base`, … | of that vocabulary | none, but for a token where a run of 256 letters or signs is cut (`count-texts.ts`) |
 * | Claude from Opus 4.7 on | `o200k_base` × 1.53 | 1.53 reported against Anthropic's own count (github.com/sammcj/ingest/pull/65); 1.6 to 1.8 by the 2.5 characters a token of Anthropic's model overview and the 4.1 to 4.4 that `o200k_base` has on English and code |
 * | Claude before | `o200k_base` × 1.25 | 1.18 reported (the same), 1.15 found too low (github.com/caozhiyuan/copilot-api/pull/141); 1.2 to 1.3 by the overview's 3.4 characters |
 * | Gemini | `o200k_base` × 1.1 | 1.0 to 1.1 by Google's 4 characters a token (ai.google.dev/gemini-api/docs/tokens) |
 * | other | `o200k_base` | unknown |
 *
 * So 15 % is a fair guess for Claude and Gemini on English and code, and nothing is known for other scripts: the counts of their vendors
 * could not be measured for this table. Images and documents are in no text. DECISIONS.md has what was measured of the byte rules.
 */

/** Public vocabularies, by their names. */
export type Encoding = 'o200k_base' | 'cl100k_base' | 'p50k_base' | 'r50k_base';

export interface CountMethod {
  /** For logs and for whoever gets the count. */
  readonly name: string;
  readonly encoding: Encoding;
  /** Tokens = those of the encoding × this / 1000. */
  readonly permille: number;
  /**
   * Bytes of text a token, times 10: what `estimateFromBytes` divides by. Between JSON and prose (2.8 and 4.4 for `o200k_base`); base64
   * has 1.5, so there the estimate is too low.
   */
  readonly tenthBytes: number;
}

function published(encoding: Encoding): CountMethod {
  return { name: encoding, encoding, permille: 1000, tenthBytes: 33 };
}

function scaled(permille: number, tenthBytes: number): CountMethod {
  return { name: `o200k_base x ${permille / 1000}`, encoding: 'o200k_base', permille, tenthBytes };
}

const O200K = published('o200k_base');
const CL100K = published('cl100k_base');
const P50K = published('p50k_base');
const R50K = published('r50k_base');
const CLAUDE = scaled(1530, 25);
const EARLY_CLAUDE = scaled(1250, 30);
const GEMINI = scaled(1100, 30);
const UNKNOWN = { ...scaled(1000, 30), name: 'o200k_base, model unknown' };

/** The longest prefix decides, so `gpt-4o` is not `gpt-4`. Held to the library's own list by a test. */
const OPENAI_PREFIXES: readonly (readonly [string, CountMethod])[] = [
  ['code-davinci-edit', P50K],
  ['text-davinci-edit', P50K],
  ['text-davinci-001', R50K],
  ['text-embedding', CL100K],
  ['text-similarity', R50K],
  ['code-davinci', P50K],
  ['code-cushman', P50K],
  ['text-davinci', P50K],
  ['davinci-codex', P50K],
  ['cushman-codex', P50K],
  ['babbage-002', CL100K],
  ['davinci-002', CL100K],
  ['text-search', R50K],
  ['code-search', R50K],
  ['text-babbage', R50K],
  ['text-curie', R50K],
  ['text-ada', R50K],
  ['codex-mini', O200K],
  ['computer-use', O200K],
  ['babbage', R50K],
  ['davinci', R50K],
  ['chatgpt-', O200K],
  ['gpt-3.5', CL100K],
  ['gpt-4.', O200K],
  ['gpt-4o', O200K],
  ['gpt-35', CL100K],
  ['curie', R50K],
  ['gpt-2', R50K],
  ['gpt-4', CL100K],
  ['gpt2', R50K],
  ['gpt-', O200K],
  ['ada', R50K],
  ['o1', O200K],
  ['o3', O200K],
  ['o4', O200K],
];

/** Claude 1 to 3 and 4 up to 4.6, under whatever vendor's prefix and with whatever date behind. */
const EARLY_CLAUDE_NAME = /claude-(instant|v?[123](\D|$)|(opus|sonnet|haiku)-4(?!-[7-9](\D|$)))/;

/** By which method a model's text is counted; every name has one. Fine-tuned names (`ft:gpt-4o:…`) go by their base. */
export function methodFor(model: string): CountMethod {
  const name = model.toLowerCase();
  if (name.includes('claude')) return EARLY_CLAUDE_NAME.test(name) ? EARLY_CLAUDE : CLAUDE;
  if (name.includes('gemini') || name.includes('gemma')) return GEMINI;
  const base = name.slice(name.lastIndexOf('/') + 1).replace(/^ft:/, '');
  return OPENAI_PREFIXES.find(([prefix]) => base.startsWith(prefix))?.[1] ?? UNKNOWN;
}

/** Tokens of the vendor for tokens of the encoding. */
export function scaleTokens({ permille }: CountMethod, tokens: number): number {
  return Math.ceil((tokens * permille) / 1000);
}

/** Where the cheap rule is enough, or nothing was counted: tokens of so many bytes of text. */
export function estimateFromBytes({ tenthBytes }: CountMethod, bytes: number): number {
  return Math.ceil((bytes * 10) / tenthBytes);
}

/** "Every message follows <|start|>{role/name}\n{content}<|end|>\n", and the reply is primed (OpenAI's cookbook, How to count tokens). */
const TOKENS_PER_MESSAGE = 3;
const REPLY_TOKENS = 3;
/**
 * What a vendor adds when there are tools: Anthropic's documentation of tool use gives 159 to 530 tokens by model; Google and OpenAI
 * give nothing, so there it is only their definitions, which are counted as JSON text.
 */
const CLAUDE_TOOLS_TOKENS = 350;

/** Tokens of a request that are in no text: its messages' frames and what the vendor adds. `messages` and `tools` are their numbers. */
export function structureTokens(method: CountMethod, messages: number, tools: number): number {
  const frames = messages === 0 ? 0 : messages * TOKENS_PER_MESSAGE + REPLY_TOKENS;
  const isClaude = method === CLAUDE || method === EARLY_CLAUDE;
  return frames + (isClaude && tools > 0 ? CLAUDE_TOOLS_TOKENS : 0);
}
