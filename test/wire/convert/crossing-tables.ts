/** Tables of what a crossing makes of requests: each row is a test of its own. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Crossing, JsonObject, RequestContext } from '#wire/convert/crossing.ts';

export const REQUEST_CONTEXT: RequestContext = Object.freeze({
  model: 'upstream-model',
  stream: false,
  maxTokensDefault: 4_096,
});

/** `base` is a request that is served; rows add fields to it. */
export interface RequestTable {
  readonly crossing: Crossing;
  readonly base: JsonObject;
}

/** Title, fields that are added, fields that the upstream's request has then (undefined: it has none such), names that are dropped. */
export type ServedRow = readonly [title: string, added: JsonObject, made: JsonObject, dropped?: readonly string[]];

export function testServed({ crossing, base }: RequestTable, rows: readonly ServedRow[]): void {
  for (const [title, added, made, dropped = []] of rows) {
    test(`${crossing.client} over ${crossing.upstream}: ${title}`, () => {
      const result = crossing.request({ ...base, ...added }, REQUEST_CONTEXT);
      assert.equal(result.unsupported, null);
      const fields = Object.keys(made).map((field) => [field, result.body![field]]);
      assert.deepEqual(Object.fromEntries(fields), made);
      assert.deepEqual(result.dropped, dropped);
    });
  }
}

/** Fields that are added, the path that is refused. */
export type RefusedRow = readonly [path: string, added: JsonObject];

export function testRefused({ crossing, base }: RequestTable, rows: readonly RefusedRow[]): void {
  for (const [path, added] of rows) {
    test(`${crossing.client} over ${crossing.upstream}: ${path} is refused, as in ${JSON.stringify(added)}`, () => {
      const { body, unsupported } = crossing.request({ ...base, ...added }, REQUEST_CONTEXT);
      assert.deepEqual([body, unsupported?.path], [null, path]);
      assert.ok(unsupported!.reason.length > 8);
    });
  }
}
