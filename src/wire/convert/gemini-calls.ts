/**
 * Function calls and responses in a Gemini client's history, matched. Their ids are optional there and required elsewhere: a call without
 * one gets `call_1`, `call_2`... by its place in the history, so that it has the same in every later turn. Pure; one object a request.
 *
 *   call      { name, args, id? }       ──► open, in order
 *   response  { name, response, id? }   ──► the oldest open call with its id; without an id the oldest open one with its name
 */

import type { JsonObject } from './crossing.ts';
import { asString } from './json.ts';

interface Call {
  readonly name: string;
  readonly id: string;
  isOpen: boolean;
}

/** Calls in the order in which they were made; those before `next` are answered. */
interface Queue {
  readonly calls: Call[];
  next: number;
}

/** What the other protocols take for an id and for the name of a tool. */
const ID = /^[a-zA-Z0-9_-]{1,64}$/;

export function isToolName(name: string | null): name is string {
  return name !== null && ID.test(name);
}

export class GeminiCalls {
  readonly #byGivenId = new Map<string, Queue>();
  readonly #byName = new Map<string, Queue>();
  readonly #used = new Set<string>();
  #calls = 0;

  /** The id of a call. */
  open(functionCall: JsonObject): string {
    this.#calls++;
    const given = asString(functionCall['id']) ?? '';
    const name = asString(functionCall['name']) ?? '';
    let id = ID.test(given) && !this.#used.has(given) ? given : `call_${this.#calls}`;
    while (this.#used.has(id)) id += '_';
    this.#used.add(id);
    const call = { name, id, isOpen: true };
    if (given !== '') add(this.#byGivenId, given, call);
    add(this.#byName, name, call);
    return id;
  }

  /** The id of the call that a response answers; null: none that is open. A client may answer by name what had an id. */
  close(functionResponse: JsonObject): string | null {
    const given = asString(functionResponse['id']) ?? '';
    const name = asString(functionResponse['name']) ?? '';
    const call = oldestOpen(this.#byGivenId.get(given)) ?? oldestOpen(this.#byName.get(name));
    if (call === null) return null;
    call.isOpen = false;
    return call.id;
  }
}

function add(queues: Map<string, Queue>, key: string, call: Call): void {
  const queue = queues.get(key);
  if (queue === undefined) queues.set(key, { calls: [call], next: 0 });
  else queue.calls.push(call);
}

function oldestOpen(queue: Queue | undefined): Call | null {
  if (queue === undefined) return null;
  while (queue.next < queue.calls.length && !queue.calls[queue.next]!.isOpen) queue.next++;
  return queue.calls[queue.next] ?? null;
}

/** What a function gave back, as text: `output` or `error` alone where it is text, else the whole object as JSON. */
export function responseText(response: JsonObject | null): { readonly text: string; readonly isError: boolean } {
  const fields = response ?? {};
  const names = Object.keys(fields);
  const only = names.length === 1 ? fields[names[0]!] : undefined;
  if (names[0] === 'output' && typeof only === 'string') return { text: only, isError: false };
  if (names[0] === 'error' && names.length === 1) {
    return { text: typeof only === 'string' ? only : JSON.stringify(only), isError: true };
  }
  return { text: JSON.stringify(fields), isError: false };
}
