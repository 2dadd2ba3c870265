/**
 * Turns what the schema found into sentences: path, what was expected, what came, where. Values of secrets are never shown.
 * Runs at boot and, for bodies of the admin API, in the control server.
 */
import type { z } from 'zod';
import { nearestName } from './nearest-name.ts';
import { leafOf, schemaAt, shapeOf } from './walk-schema.ts';

/** Longest part of a wrong value that is repeated to its author. */
const SHOWN_CHARS_MAX = 60;

type Issue = z.core.$ZodIssue;
/** Where a value came from; null when it is not known or there is only one place. */
export type WhereIs = (path: readonly PropertyKey[]) => string | null;

export function explainIssues(schema: z.ZodType, input: unknown, issues: readonly Issue[], where: WhereIs): string[] {
  return issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => unknownKey(schema, [...issue.path, key], where));
    }
    return [wrongValue(schema, input, issue.path, where)];
  });
}

export function pathText(path: readonly PropertyKey[]): string {
  let text = '';
  for (const step of path) text += typeof step === 'number' ? `[${step}]` : `${text === '' ? '' : '.'}${String(step)}`;
  return text;
}

function unknownKey(schema: z.ZodType, path: readonly PropertyKey[], where: WhereIs): string {
  const parent = path.slice(0, -1);
  const parentSchema = schemaAt(schema, parent);
  const siblings = parentSchema === null ? [] : Object.keys(shapeOf(parentSchema) ?? {});
  const near = nearestName(String(path.at(-1)), siblings);
  const hint =
    near === null ? `, known here: ${siblings.join(', ')}` : `, did you mean ${pathText([...parent, near])}?`;
  return `${pathText(path)}: unknown key${hint}${place(path, where)}`;
}

function wrongValue(schema: z.ZodType, input: unknown, path: readonly PropertyKey[], where: WhereIs): string {
  const found = schemaAt(schema, path);
  const leaf = found === null ? null : leafOf(found, []);
  const value = valueAt(input, path);
  const came = value === undefined ? 'it is missing' : `got ${leaf?.secret ? kindOfSecret(value) : shown(value)}`;
  const name = path.length === 0 ? 'the whole' : pathText(path);
  return `${name}: expected ${leaf?.expected ?? 'another value'}, ${came}${place(path, where)}`;
}

function place(path: readonly PropertyKey[], where: WhereIs): string {
  const from = where(path);
  return from === null ? '' : ` (${from})`;
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return value;
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}…` : text;
}

function kindOfSecret(value: unknown): string {
  if (typeof value === 'string') return `a text of ${value.length} characters`;
  return value === null ? 'null' : `a ${Array.isArray(value) ? 'list' : typeof value}`;
}
