/**
 * The array types that our statements use, for postgres.js. It could ask the server for all of them at every connection, but a connection
 * that breaks during that question ends the process: nobody holds its promise.
 */

/** Object ids of PostgreSQL's pg_type.dat. */
const TEXT_ARRAY = 1009;
const INT_ARRAY = 1007;

/** One element of a one-dimensional array's text: quoted with backslashes, or bare. */
const ELEMENT = /"((?:[^"\\]|\\.)*)"|[^,{}]+/gs;

export const ARRAY_TYPES = {
  texts: { to: TEXT_ARRAY, from: [TEXT_ARRAY], serialize: arrayText, parse: parseArray },
  ints: {
    to: INT_ARRAY,
    from: [INT_ARRAY],
    serialize: (numbers: number[]): string => `{${numbers.join(',')}}`,
    parse: (text: string): (number | null)[] =>
      parseArray(text).map((element) => (element === null ? null : Number(element))),
  },
};

/** `{"a","b \"c\""}` */
export function arrayText(elements: readonly string[]): string {
  return `{${elements.map((element) => `"${element.replaceAll(/["\\]/g, '\\$&')}"`).join(',')}}`;
}

/** PostgreSQL, "Array Input and Output Syntax"; one dimension, from 1. */
export function parseArray(text: string): (string | null)[] {
  return Array.from(text.matchAll(ELEMENT), ([whole, quoted]) => {
    if (quoted !== undefined) return quoted.replaceAll(/\\(.)/gs, '$1');
    return whole === 'NULL' ? null : whole;
  });
}
