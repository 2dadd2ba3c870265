/** What is held for random documents: a document that went through two crossings says the same as before. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Crossing, JsonObject, RequestContext } from '#wire/convert/crossing.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const ROUNDS = 600;
export const REQUEST_CONTEXT: RequestContext = { model: 'm', stream: false, maxTokensDefault: 4_096 };

/** What `body` asks for behind two crossings; nothing may be refused or dropped but the names in `mayDrop`. */
export function thereAndBack(
  there: Crossing,
  back: Crossing,
  body: JsonObject,
  mayDrop: readonly string[],
): JsonObject {
  const first = there.request(body, REQUEST_CONTEXT);
  assert.equal(first.unsupported, null, JSON.stringify([first.unsupported, body]));
  const second = back.request(first.body!, REQUEST_CONTEXT);
  assert.equal(second.unsupported, null, JSON.stringify([second.unsupported, first.body]));
  for (const name of [...first.dropped, ...second.dropped]) assert.ok(mayDrop.includes(name), name);
  return second.body!;
}

export function held(name: string, check: (random: () => number, seed: number) => void): void {
  test(name, () => {
    for (let seed = 1; seed <= ROUNDS; seed++) check(seededRandom(seed), seed);
  });
}

/** What an answer's items say, without ids and without what says how a part was cut. */
export function meaningOf(answer: JsonObject): JsonObject {
  const items = (answer['output'] as JsonObject[]).map((item) => {
    if (item['type'] === 'reasoning') return { reasoning: summaryOf(item) };
    const { id: _, status: __, ...rest } = item;
    return rest;
  });
  return { status: answer['status'], details: answer['incomplete_details'], usage: answer['usage'], items };
}

function summaryOf(item: JsonObject): string {
  return (item['summary'] as { text: string }[]).map(({ text }) => text).join('\n\n');
}

/** As `meaningOf`, with the parts of a message in a row: Chat has one text. */
export function saidIn(answer: JsonObject): JsonObject {
  const meaning = meaningOf(answer);
  const items = (meaning['items'] as JsonObject[]).map((item) => {
    if (item['type'] !== 'message') return item;
    return { text: (item['content'] as { text: string }[]).map(({ text }) => text).join('') };
  });
  return { ...meaning, items };
}
