/** What every crossing has to bear: documents and events that are wrong, broken off, repeated, in another order, nested too deeply. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Crossing, JsonObject } from '#wire/convert/crossing.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { count, type Random } from './generated-answers.ts';
import { ANSWER_CONTEXT, dataOf, runStream, type UpstreamEvent } from './run-stream.ts';

const ROUNDS = 400;
const CONTEXT = { model: 'm', stream: true, maxTokensDefault: 4_096 };

export interface CrossingUnderTest {
  readonly crossing: Crossing;
  readonly request: (random: Random) => JsonObject;
  readonly answer: (random: Random) => JsonObject;
  readonly events: (answer: JsonObject, random: Random) => UpstreamEvent[];
  /** What tells a client of this protocol that its answer is complete. */
  readonly terminal: RegExp;
}

export const RESPONSES_END = /response\.(completed|incomplete)/;

const WRONG = [null, 0, -1, 1e300, '', 'x', true, [], {}, [null], [[]], { type: 5 }, { type: null, text: {} }];

/** A copy with one random place replaced by something wrong, or taken out. */
function spoiled(value: unknown, random: Random): unknown {
  if (typeof value !== 'object' || value === null || random() < 0.2) return WRONG[count(random, WRONG.length)];
  if (Array.isArray(value)) {
    if (value.length === 0) return WRONG[count(random, WRONG.length)];
    return value.toSpliced(count(random, value.length), 1, spoiled(value[count(random, value.length)], random));
  }
  const fields = Object.keys(value);
  const field = fields[count(random, fields.length)];
  if (field === undefined) return WRONG[count(random, WRONG.length)];
  const { [field]: inner, ...others } = value as JsonObject;
  return random() < 0.2 ? others : { ...others, [field]: spoiled(inner, random) };
}

function spoiledObject(value: JsonObject, random: Random): JsonObject {
  const copy = spoiled(value, random);
  return typeof copy === 'object' && copy !== null && !Array.isArray(copy) ? (copy as JsonObject) : {};
}

export function testHostile({ crossing, request, answer, events, terminal }: CrossingUnderTest): void {
  const name = `${crossing.client} over ${crossing.upstream}`;

  test(`${name}: requests with wrong, missing and null fields are served or refused with a path, never thrown at`, () => {
    for (let seed = 1; seed <= ROUNDS; seed++) {
      const random = seededRandom(seed);
      let body = request(random);
      for (let i = 1 + count(random, 3); i > 0; i--) body = spoiledObject(body, random);
      const result = crossing.request(body, CONTEXT);
      if (result.unsupported !== null) assert.ok(result.unsupported.path !== '' && result.unsupported.reason !== '');
      else assert.ok(JSON.stringify(result.body).length > 0);
    }
  });

  test(`${name}: answers and errors with wrong, missing and null fields are turned all the same`, () => {
    for (let seed = 1; seed <= ROUNDS; seed++) {
      const random = seededRandom(seed);
      let body = answer(random);
      for (let i = 1 + count(random, 3); i > 0; i--) body = spoiledObject(body, random);
      assert.ok(JSON.stringify(crossing.answer(body, ANSWER_CONTEXT)).length > 0);
      const error = spoiledObject({ error: { type: 'api_error', message: 'm', code: 'c' } }, random);
      assert.ok(crossing.error(429, error, ANSWER_CONTEXT)['error'] !== undefined);
    }
  });

  test(`${name}: events with wrong, missing and null fields, repeated or swapped, leave a stream of whole events`, () => {
    for (let seed = 1; seed <= ROUNDS; seed++) {
      const random = seededRandom(seed);
      const upstream = events(answer(random), random).flatMap((event) => {
        if (random() < 0.1) return [];
        if (random() < 0.1) return [event, event];
        return random() < 0.2 ? [{ name: event.name, data: spoiledObject(event.data, random) }] : [event];
      });
      const at = count(random, upstream.length);
      upstream.push(...upstream.splice(at, 1));
      assert.doesNotThrow(() => dataOf(runStream(crossing, upstream)), `seed ${seed}`);
    }
  });

  test(`${name}: a stream that stops anywhere before its last event is given no end`, () => {
    const random = seededRandom(7);
    for (let round = 0; round < 20; round++) {
      const whole = events(answer(random), random);
      const last = whole.findLastIndex(({ data }) => isLast(data));
      for (let cut = 0; cut < last; cut += 1 + count(random, 4)) {
        assert.doesNotMatch(runStream(crossing, whole.slice(0, cut)), terminal);
      }
      assert.match(runStream(crossing, whole), terminal);
    }
  });

  test(`${name}: nothing follows an end or an error`, () => {
    const random = seededRandom(9);
    const whole = events(answer(random), random);
    const error = { type: 'error', error: { type: 'api_error', message: 'm' } };
    for (const upstream of [whole, [...whole.slice(0, 3), { name: 'error', data: error }]]) {
      const converter = crossing.stream(ANSWER_CONTEXT);
      for (const { name, data } of upstream) converter.event(name, data);
      converter.end();
      for (const { name, data } of whole) assert.equal(converter.event(name, data), '');
      assert.equal(converter.end(), '');
    }
  });

  test(`${name}: JSON that is nested too deeply to be written is left out, not thrown at`, () => {
    const deep = JSON.parse(`${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`);
    for (const { name, data } of events(answer(seededRandom(3)), seededRandom(3))) {
      const converter = crossing.stream(ANSWER_CONTEXT);
      for (const field of Object.keys(data)) converter.event(name, { ...data, [field]: deep });
      converter.event(name, { ...data, item: { type: 'function_call', call_id: deep }, response: { output: [deep] } });
      converter.event(name, { ...data, index: 0, content_block: { type: 'tool_use', name: 'n', input: deep } });
      converter.end();
    }
  });

  test(`${name}: an error without a body says at least the status`, () => {
    const text = JSON.stringify(crossing.error(503, null, ANSWER_CONTEXT));
    assert.match(text, /503/);
  });
}

/** Whether an upstream's answer is whole with this event. */
function isLast(data: JsonObject): boolean {
  if (data['type'] === 'message_stop' || RESPONSES_END.test(String(data['type']))) return true;
  const choices = data['choices'] as JsonObject[] | undefined;
  return choices?.[0]?.['finish_reason'] !== undefined && choices[0]['finish_reason'] !== null;
}
