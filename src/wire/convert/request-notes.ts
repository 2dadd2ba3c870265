/**
 * What turning one request leaves behind besides the new body: the names of fields that were left out, and the first thing that
 * stands in the way. One per request. Names say `*` for an index, so a long conversation does not repeat them.
 */
import type { JsonObject, RequestResult, Unsupported } from './crossing.ts';

/** More than this many names end in one `…`: they travel in a header. */
const NAMES_MAX = 24;
/** Field names are the client's own words; only harmless ones are repeated. */
const NAME = /^[\w.*-]{1,96}$/;

export class RequestNotes {
  readonly #dropped = new Set<string>();
  #unsupported: Unsupported | null = null;

  /** `name` was left out; the answer means the same without it, or the caller says so by name. */
  drop(name: string): void {
    if (this.#dropped.size >= NAMES_MAX) this.#dropped.add('…');
    else this.#dropped.add(NAME.test(name) ? name : '?');
  }

  /** Names every field of `object` with a value that is not in `known`; `prefix` is '' or ends with a dot. */
  dropOthers(object: JsonObject, known: ReadonlySet<string>, prefix: string): void {
    for (const field of Object.keys(object)) {
      if (!known.has(field) && object[field] !== null && object[field] !== undefined) this.drop(prefix + field);
    }
  }

  /** The first refusal is kept: it is the one the client reads. */
  refuse(path: string, reason: string): void {
    this.#unsupported ??= { path, reason };
  }

  result(body: JsonObject): RequestResult {
    const dropped = [...this.#dropped];
    if (this.#unsupported !== null) return { body: null, dropped, unsupported: this.#unsupported };
    return { body, dropped, unsupported: null };
  }
}
