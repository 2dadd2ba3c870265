/**
 * Reads the schema as data: its keys with type, default, bounds and text. Error messages, environment variables, the default
 * file and the reference page all come from here, so that none of them can leave the schema behind. Runs at boot and in the CLI.
 */
import { z } from 'zod';

/** One key that holds a value (not a section). */
export interface Leaf {
  path: string[];
  /** What may be given, in words. */
  expected: string;
  kind: 'number' | 'boolean' | 'text' | 'tree';
  nullable: boolean;
  secret: boolean;
  hasDefault: boolean;
  /** As it would be written in a file; undefined when there is none. */
  defaultValue: unknown;
  text: string;
}

interface Unwrapped {
  inner: z.ZodType;
  nullable: boolean;
  hasDefault: boolean;
  defaultValue: unknown;
  text: string;
  meta: Record<string, unknown>;
}

/** Every leaf below an object schema, in the order of the schema. */
export function leavesOf(schema: z.ZodType, path: string[] = []): Leaf[] {
  const shape = shapeOf(schema);
  if (shape === null) return [leafOf(schema, path)];
  return Object.entries(shape).flatMap(([name, child]) => leavesOf(child, [...path, name]));
}

/** Keys of an object schema; null when the schema is not an object or is meant to be written as one value. */
export function shapeOf(schema: z.ZodType): Record<string, z.ZodType> | null {
  const { inner, meta } = unwrap(schema);
  if (!(inner instanceof z.ZodObject) || meta['leaf'] === true) return null;
  return inner.shape as Record<string, z.ZodType>;
}

export function textOf(schema: z.ZodType): string {
  return unwrap(schema).text;
}

/** Schema of the value at a path, through objects and lists; null where there is none. */
export function schemaAt(schema: z.ZodType, path: readonly PropertyKey[]): z.ZodType | null {
  let current: z.ZodType | undefined = schema;
  for (const step of path) {
    const inner: z.ZodType = unwrap(current).inner;
    if (inner instanceof z.ZodObject) current = (inner.shape as Record<string, z.ZodType>)[String(step)];
    else if (inner instanceof z.ZodArray) current = inner.element as unknown as z.ZodType;
    else if (inner instanceof z.ZodRecord) current = inner.valueType as unknown as z.ZodType;
    else return null;
    if (current === undefined) return null;
  }
  return current;
}

export function leafOf(schema: z.ZodType, path: string[]): Leaf {
  const { inner, nullable, hasDefault, defaultValue, text, meta } = unwrap(schema);
  return {
    path,
    expected: expectedWords(inner, meta) + (nullable ? ', or null' : ''),
    kind: kindOf(inner),
    nullable,
    secret: meta['secret'] === true,
    hasDefault,
    defaultValue,
    text,
  };
}

/** Peels default, nullable and transform off; what an outer layer says wins. */
function unwrap(schema: z.ZodType): Unwrapped {
  const found: Unwrapped = {
    inner: schema,
    nullable: false,
    hasDefault: false,
    defaultValue: undefined,
    text: '',
    meta: {},
  };
  for (;;) {
    const layer = found.inner;
    found.meta = { ...layer.meta(), ...found.meta };
    if (found.text === '') found.text = layer.description ?? '';
    if (layer instanceof z.ZodDefault) {
      found.hasDefault = true;
      found.defaultValue = layer.def.defaultValue;
      found.inner = layer.def.innerType as unknown as z.ZodType;
    } else if (layer instanceof z.ZodPrefault) found.inner = layer.def.innerType as unknown as z.ZodType;
    else if (layer instanceof z.ZodNullable) {
      found.nullable = true;
      found.inner = layer.def.innerType as unknown as z.ZodType;
    } else if (layer instanceof z.ZodPipe) found.inner = layer.def.in as unknown as z.ZodType;
    else return found;
  }
}

function kindOf(inner: z.ZodType): Leaf['kind'] {
  if (inner instanceof z.ZodNumber) return 'number';
  if (inner instanceof z.ZodBoolean) return 'boolean';
  if (inner instanceof z.ZodObject || inner instanceof z.ZodArray || inner instanceof z.ZodRecord) return 'tree';
  return 'text';
}

function expectedWords(inner: z.ZodType, meta: Record<string, unknown>): string {
  if (typeof meta['expected'] === 'string') return meta['expected'];
  if (inner instanceof z.ZodNumber) {
    return `a ${inner.isInt ? 'whole ' : ''}number from ${inner.minValue} to ${inner.maxValue}`;
  }
  if (inner instanceof z.ZodBoolean) return 'true or false';
  if (inner instanceof z.ZodEnum) return `one of ${inner.options.join(', ')}`;
  if (inner instanceof z.ZodString) return `a text of ${inner.minLength ?? 0} to ${inner.maxLength} characters`;
  if (inner instanceof z.ZodArray) return 'a list';
  if (inner instanceof z.ZodObject) return `a mapping of ${Object.keys(inner.shape).join(', ')}`;
  return 'a mapping of texts';
}
