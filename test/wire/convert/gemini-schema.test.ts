import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closedSchema, jsonSchemaOf } from '#wire/convert/gemini-schema.ts';
import { nested } from './gemini-crossing-rig.ts';

test('types are written small at every depth, and names of properties are left alone', () => {
  const schema = {
    type: 'OBJECT',
    properties: {
      type: { type: 'STRING', format: 'date-time' },
      snake_case: { type: 'ARRAY', items: { type: 'INTEGER' }, min_items: '1', maxItems: 3 },
      nullable: { anyOf: [{ type: 'NUMBER' }, { type: 'BOOLEAN' }] },
      example: { type: ['STRING', 'null'] },
    },
    required: ['type'],
    propertyOrdering: ['type'],
  };
  assert.deepEqual(jsonSchemaOf(schema), {
    type: 'object',
    properties: {
      type: { type: 'string', format: 'date-time' },
      snake_case: { type: 'array', items: { type: 'integer' }, minItems: 1, maxItems: 3 },
      nullable: { anyOf: [{ type: 'number' }, { type: 'boolean' }] },
      example: { type: ['string', 'null'] },
    },
    required: ['type'],
  });
});

test('nullable allows null, also among the values of an enum, and examples are a list', () => {
  assert.deepEqual(jsonSchemaOf({ type: 'STRING', enum: ['A'], nullable: true, example: 'A' }), {
    type: ['string', 'null'],
    enum: ['A', null],
    examples: ['A'],
  });
  assert.deepEqual(jsonSchemaOf({ type: 'STRING', nullable: false }), { type: 'string' });
});

test('JSON schema stays what it is', () => {
  const schema = {
    $defs: { node: { type: 'object', properties: { next: { $ref: '#/$defs/node' } } } },
    type: 'object',
    properties: { a: { oneOf: [{ const: 'X' }, { type: 'null' }] } },
    additionalProperties: { type: 'string' },
  };
  assert.deepEqual(jsonSchemaOf(schema), schema);
});

test('what is no schema is left alone, however deep', () => {
  for (const value of [null, true, 7, 'OBJECT', []]) assert.deepEqual(jsonSchemaOf(value), value);
  jsonSchemaOf({ type: 'OBJECT', items: nested(100_000) });
  closedSchema(nested(100_000));
});

test('objects are closed where they do not say otherwise, values are left alone', () => {
  const schema = {
    type: 'object',
    properties: { a: { type: 'object' }, b: { type: 'object', additionalProperties: true } },
    default: { type: 'object' },
  };
  assert.deepEqual(closedSchema(schema), {
    type: 'object',
    properties: {
      a: { type: 'object', additionalProperties: false },
      b: { type: 'object', additionalProperties: true },
    },
    default: { type: 'object' },
    additionalProperties: false,
  });
});
