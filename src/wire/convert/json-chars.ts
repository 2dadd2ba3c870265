/**
 * About how much memory a parsed JSON value takes, in characters: its texts and names, and a flat sum for each value, which together are
 * a little more than the JSON text of most answers. Pure; walks without recursion, as what an upstream sends may be nested deeply.
 */
import type { JsonObject } from './crossing.ts';

const VALUE_CHARS = 8;

export function jsonChars(value: unknown): number {
  const containers: object[] = [];
  let chars = count(value, containers);
  for (let each = containers.pop(); each !== undefined; each = containers.pop()) {
    if (Array.isArray(each)) for (const element of each) chars += count(element, containers);
    else for (const name in each) chars += name.length + count((each as JsonObject)[name], containers);
  }
  return chars;
}

/** What is in it, if it is an object or an array, is counted later. */
function count(value: unknown, containers: object[]): number {
  if (typeof value === 'object' && value !== null) containers.push(value);
  return VALUE_CHARS + (typeof value === 'string' ? value.length : 0);
}
