/** Random changes of an input: damage, pieces of others, words of the format, repeats. All from one seeded generator. */
import { below, damage, type Random } from '../support/request-generator.ts';

export const INPUT_BYTES_MAX = 4_096;

export interface Mutation {
  random: Random;
  corpus: readonly Buffer[];
  /** What means something in the format. */
  words: readonly Buffer[];
}

export function mutate(base: Buffer, mutation: Mutation): Buffer {
  let bytes = base;
  for (let count = 1 + below(mutation.random, 4); count > 0; count--) bytes = change(bytes, mutation);
  return bytes.subarray(0, INPUT_BYTES_MAX);
}

function change(bytes: Buffer, { random, corpus, words }: Mutation): Buffer {
  const at = below(random, bytes.length + 1);
  const until = Math.min(bytes.length, at + below(random, 64));
  const around = (middle: Buffer): Buffer => Buffer.concat([bytes.subarray(0, at), middle, bytes.subarray(until)]);
  switch (below(random, 9)) {
    case 0:
      return around(words[below(random, words.length)]!);
    case 1:
      return Buffer.concat([bytes.subarray(0, at), words[below(random, words.length)]!, bytes.subarray(at)]);
    case 2: {
      const other = corpus[below(random, corpus.length)]!;
      const from = below(random, other.length + 1);
      return around(other.subarray(from, from + below(random, 128)));
    }
    case 3: {
      const times = 1 + below(random, random() < 0.1 ? 200 : 6);
      return around(Buffer.concat(Array.from({ length: times }, () => bytes.subarray(at, until))));
    }
    case 4:
      return Buffer.concat([bytes.subarray(at), bytes.subarray(0, at)]);
    case 5: {
      const one = Buffer.from(bytes);
      if (at < one.length) one[at] = below(random, 256);
      return one;
    }
    default:
      return damage(random, bytes);
  }
}
