/**
 * Gemini's own schemas as JSON schema. Pure.
 *
 *   Schema = { type: "OBJECT" | "STRING" | ..., nullable, format, description, enum, items, properties, required, anyOf, example,
 *              minItems: "1", propertyOrdering, ... }
 *
 * - types are written in capitals; clients write them so even in `responseJsonSchema`, which should be JSON schema already
 * - `nullable` becomes one more type (and one more value of `enum`), `example` becomes `examples`
 * - whole numbers that came as strings (Google's int64) become numbers
 * - `propertyOrdering` is left out: JSON schema has no order
 *
 * In the other direction nothing is needed: `parametersJsonSchema` and `responseJsonSchema` take JSON schema.
 * Source: ai.google.dev/api/caching#Schema.
 */
import type { JsonObject } from './crossing.ts';
import { asFields, define } from './gemini-fields.ts';
import { asArray, asObject, asString } from './json.ts';

/** What is nested deeper is left as it is: nobody writes such schemas but to exhaust a stack. */
const DEPTH_MAX = 128;

const SCHEMAS_BY_NAME: ReadonlySet<string> = new Set([
  'properties',
  'patternProperties',
  '$defs',
  'definitions',
  'defs',
]);
const LISTS_OF_SCHEMAS: ReadonlySet<string> = new Set(['anyOf', 'oneOf', 'allOf', 'prefixItems']);
const SCHEMAS: ReadonlySet<string> = new Set(['items', 'additionalProperties', 'not', 'contains', 'propertyNames']);
const WHOLE_NUMBERS: ReadonlySet<string> = new Set([
  'minItems',
  'maxItems',
  'minLength',
  'maxLength',
  'minProperties',
  'maxProperties',
]);

export function jsonSchemaOf(schema: unknown): unknown {
  return turn(schema, 0);
}

/** A schema for Messages, which wants `additionalProperties: false` on every object. */
export function closedSchema(schema: JsonObject): JsonObject {
  return close(schema, 0) as JsonObject;
}

function close(value: unknown, depth: number): unknown {
  const list = asArray(value);
  if (list !== null) return depth > DEPTH_MAX ? list : list.map((each) => close(each, depth + 1));
  const schema = asObject(value);
  if (schema === null || depth > DEPTH_MAX) return value;
  const closed: JsonObject = {};
  for (const [name, given] of Object.entries(schema)) {
    const kept = name === 'enum' || name === 'const' || name === 'default' || name === 'examples';
    define(closed, name, kept ? given : close(given, depth + 1));
  }
  if (closed['type'] === 'object' && closed['additionalProperties'] === undefined)
    closed['additionalProperties'] = false;
  return closed;
}

function turn(value: unknown, depth: number): unknown {
  const schema = asFields(value);
  if (schema === null || depth > DEPTH_MAX) return value;
  const turned: JsonObject = {};
  for (const [name, given] of Object.entries(schema)) {
    if (name === 'nullable' || name === 'propertyOrdering') continue;
    if (name === 'example') turned['examples'] = [given];
    else if (name === 'type') turned['type'] = lowerType(given);
    else if (SCHEMAS_BY_NAME.has(name)) turned[name] = turnByName(given, depth);
    else if (LISTS_OF_SCHEMAS.has(name)) turned[name] = asArray(given)?.map((each) => turn(each, depth + 1)) ?? given;
    else if (SCHEMAS.has(name)) turned[name] = turn(given, depth + 1);
    else if (WHOLE_NUMBERS.has(name) && /^\d{1,15}$/.test(asString(given) ?? '')) turned[name] = Number(given);
    else define(turned, name, given);
  }
  if (schema['nullable'] === true) allowNull(turned);
  return turned;
}

function turnByName(value: unknown, depth: number): unknown {
  const schemas = asObject(value);
  if (schemas === null) return value;
  const turned: JsonObject = {};
  for (const [name, schema] of Object.entries(schemas)) define(turned, name, turn(schema, depth + 1));
  return turned;
}

function lowerType(type: unknown): unknown {
  const types = asArray(type);
  if (types !== null) return types.map(lowerType);
  return asString(type)?.toLowerCase() ?? type;
}

function allowNull(schema: JsonObject): void {
  const type = schema['type'];
  if (typeof type === 'string') schema['type'] = [type, 'null'];
  const values = asArray(schema['enum']);
  if (values !== null && !values.includes(null)) schema['enum'] = [...values, null];
}
