/** Documents made hostile: values exchanged for others, fields taken away, at random places. */
import type { JsonObject } from '#wire/convert/crossing.ts';

const VALUES: readonly unknown[] = [
  null,
  0,
  -1,
  1e308,
  '',
  'x',
  true,
  [],
  {},
  [null],
  [[]],
  { type: {} },
  { index: -1 },
];

/** A copy of `document` with about one of `every` values changed. */
export function mutated(document: JsonObject, random: () => number, every: number): JsonObject {
  return Object.fromEntries(
    Object.entries(document)
      .filter(() => random() * every >= 0.3)
      .map(([field, value]) => [field, changed(value, random, every)]),
  );
}

function changed(value: unknown, random: () => number, every: number): unknown {
  if (random() * every < 1) return structuredClone(VALUES[Math.floor(random() * VALUES.length)]);
  if (Array.isArray(value)) return value.map((item) => changed(item, random, every));
  return typeof value === 'object' && value !== null ? mutated(value as JsonObject, random, every) : value;
}
