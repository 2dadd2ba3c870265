/** What is fuzzed: a check that holds for every input, words of its format, and the sources that it should reach. */
export interface Target {
  readonly name: string;
  /** Throws when the input breaks a promise. Depends on nothing but the bytes. */
  check(bytes: Buffer): void;
  /** Made inputs to begin with, beside the corpus. */
  readonly seeds: readonly Buffer[];
  readonly words: readonly Buffer[];
  readonly sources: RegExp;
}

/** A number that belongs to these bytes (FNV-1a): what a check draws its random choices from. */
export function seedOf(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

export function texts(...list: string[]): Buffer[] {
  return list.map((text) => Buffer.from(text, 'latin1'));
}
