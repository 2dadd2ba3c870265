/**
 * What a request loses on its way into another protocol: what was left out, and the first thing that cannot be expressed at all, be it
 * for its meaning or for its type. Pure; one object a request.
 *
 * A name in `dropped` is a dotted path without positions (`input.reasoning`, `tools.defer_loading`) and is there once: a long history
 * names its thinking once, not a thousand times. A refusal's path has positions, because its reader has to find it.
 */
import type { JsonObject, RequestResult, Unsupported } from './crossing.ts';
import { asArray, asBoolean, asNumber, asObject, asString } from './json.ts';

/** Names travel in a header: one more than this many is told as `…`. */
const NAMES_MAX = 24;
/** Fields that nobody knows have names that the client made up; only harmless ones are repeated, the others are told as `?`. */
const NAME = /^[\w.-]{1,96}$/;

export class RequestLosses {
  readonly dropped: string[] = [];
  unsupported: Unsupported | null = null;

  /** `name` was left out; the answer means the same without it. */
  drop(name: string): void {
    const told = this.dropped.length >= NAMES_MAX ? '…' : NAME.test(name) ? name : '?';
    if (!this.dropped.includes(told)) this.dropped.push(told);
  }

  /** `path` cannot be served; only the first refusal is kept. */
  refuse(path: string, reason: string): void {
    this.unsupported ??= { path, reason };
  }

  /** Refuses what is there and asks for something: null, false, 0, '', [] and {} ask for nothing. */
  refuseSet(holder: JsonObject, field: string, reason: string): void {
    if (asksForSomething(holder[field])) this.refuse(field, reason);
  }

  /** Drops what is there and not null. `prefix` ends with a dot. */
  dropSet(holder: JsonObject, fields: readonly string[], prefix = ''): void {
    for (const field of fields) if (isThere(holder[field])) this.drop(prefix + field);
  }

  /** Drops every field of `holder` that nobody has read. `prefix` ends with a dot. */
  dropOthers(holder: JsonObject, read: ReadonlySet<string>, prefix = ''): void {
    for (const field of Object.keys(holder)) if (!read.has(field) && isThere(holder[field])) this.drop(prefix + field);
  }

  /** A field that has to be a number; null: it is not there, or refused. `prefix` ends with a dot. */
  number(holder: JsonObject, field: string, prefix = ''): number | null {
    return this.#checked(holder, field, prefix, 'a number', asNumber(holder[field]));
  }

  text(holder: JsonObject, field: string, prefix = ''): string | null {
    return this.#checked(holder, field, prefix, 'text', asString(holder[field]));
  }

  flag(holder: JsonObject, field: string, prefix = ''): boolean | null {
    return this.#checked(holder, field, prefix, 'true or false', asBoolean(holder[field]));
  }

  object(holder: JsonObject, field: string, prefix = ''): JsonObject | null {
    return this.#checked(holder, field, prefix, 'an object', asObject(holder[field]));
  }

  list(holder: JsonObject, field: string, prefix = ''): readonly unknown[] | null {
    return this.#checked(holder, field, prefix, 'a list', asArray(holder[field]));
  }

  #checked<T>(holder: JsonObject, field: string, prefix: string, kind: string, value: T | null): T | null {
    if (value === null && isThere(holder[field])) this.refuse(prefix + field, `it is not ${kind}`);
    return value;
  }

  result(body: JsonObject): RequestResult {
    const { dropped, unsupported } = this;
    return unsupported === null ? { body, dropped, unsupported: null } : { body: null, dropped, unsupported };
  }
}

function isThere(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function asksForSomething(value: unknown): boolean {
  if (!isThere(value) || value === false || value === '' || asNumber(value) === 0) return false;
  return typeof value !== 'object' || Object.keys(value as object).length > 0;
}
