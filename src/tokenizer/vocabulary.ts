/**
 * The public vocabularies, each loaded when it is first asked for: 0.25 s and 37 MiB of heap for `o200k_base`, 57 MiB for all four.
 * Names of special tokens in a text are text, as they are for whoever sends them. Worker thread only.
 */
import type { Encoding } from './count-method.ts';

export interface Vocabulary {
  /** Tokens of a text. */
  count(text: string): number;
  /** Forgets the merges that were found for the texts so far: they hold on to them. */
  forget(): void;
}

interface Library {
  countTokens(text: string, options: { disallowedSpecial: Set<string> }): number;
  clearMergeCache(): void;
}

const LOADERS: Record<Encoding, () => Promise<Library>> = {
  o200k_base: () => import('gpt-tokenizer/encoding/o200k_base'),
  cl100k_base: () => import('gpt-tokenizer/encoding/cl100k_base'),
  p50k_base: () => import('gpt-tokenizer/encoding/p50k_base'),
  r50k_base: () => import('gpt-tokenizer/encoding/r50k_base'),
};

/**
 * The library remembers 100,000 merges; once it is full, each further one costs a walk over those that it has dropped (random words: 5 s a
 * MiB and more). A piece that is merged has two characters at least, so when all are forgotten this often it is never full.
 */
const FORGET_CHARS = 200_000;

const NONE_SPECIAL = { disallowedSpecial: new Set<string>() };
const loaded = new Map<Encoding, Vocabulary>();

function vocabularyOf(library: Library): Vocabulary {
  let chars = 0;
  const forget = (): void => {
    library.clearMergeCache();
    chars = 0;
  };
  const count = (text: string): number => {
    if (chars + text.length > FORGET_CHARS) forget();
    chars += text.length;
    return library.countTokens(text, NONE_SPECIAL);
  };
  return { count, forget };
}

export async function loadVocabulary(encoding: Encoding): Promise<Vocabulary> {
  const known = loaded.get(encoding);
  if (known !== undefined) return known;
  const library = await LOADERS[encoding]();
  const vocabulary = vocabularyOf(library);
  loaded.set(encoding, vocabulary);
  return vocabulary;
}
