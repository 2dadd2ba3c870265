/**
 * The platforms whose accounts can serve requests, and the protocols that are spoken with clients and accounts. A leaf: the catalog,
 * the snapshot and the usage log name them by these words.
 */

export const PLATFORMS = ['anthropic', 'openai', 'gemini', 'sora'] as const;
export type Platform = (typeof PLATFORMS)[number];

/** By the endpoints that belong together: Anthropic's two, OpenAI's four, Gemini's native ones, and the video jobs behind Sora. */
export const PROTOCOLS = [
  'messages',
  'count_tokens',
  'responses',
  'chat',
  'completions',
  'embeddings',
  'gemini',
  'sora',
] as const;
export type Protocol = (typeof PROTOCOLS)[number];

/** What an account of each platform speaks where its own list is null. */
export const PLATFORM_PROTOCOLS: Readonly<Record<Platform, readonly Protocol[]>> = Object.freeze({
  anthropic: ['messages', 'count_tokens'],
  openai: ['responses', 'chat', 'completions', 'embeddings'],
  gemini: ['gemini'],
  sora: ['sora'],
});

/** What only one kind of account needs, by name; each use says which names it knows. Listings show it: no secrets. */
export type AccountSettings = Record<string, string | number | boolean>;
