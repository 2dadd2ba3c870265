/** Numbers of tools' inputs and arguments, as text, through every crossing: requests, answers, streams. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteBudget, byteBudgetBytes } from '#coordinate/local/byte-budget.ts';
import { StreamCrossing, WholeCrossing } from '#edge/crossed-answer.ts';
import { CROSSINGS } from '#edge/crossings.ts';
import type { Crossing, JsonObject, Protocol } from '#wire/convert/crossing.ts';
import { parseExact } from '#wire/convert/exact-json.ts';
import { asNumber, asObject } from '#wire/convert/json.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { REQUEST_CONTEXT } from './crossing-tables.ts';
import { pieces } from './upstream-events.ts';

const SEED = 20_261_128;
const ROUNDS = 60;
const FIXED = ['12345678901234567890', '1e400', '-0', '0.1000000000000000055', '1.0', '9007199254740993', '1E+2', '-5'];
const CONTEXT = Object.freeze({ requestId: 'r', model: 'm', createdAtSeconds: 1, includeUsage: true });

function digits(random: () => number, most: number): string {
  return Array.from({ length: 1 + Math.floor(random() * most) }, () => Math.floor(random() * 10)).join('');
}

function numberText(random: () => number): string {
  const whole = random() < 0.2 ? '0' : `${1 + Math.floor(random() * 9)}${digits(random, 30)}`;
  const fraction = random() < 0.5 ? `.${digits(random, 25)}` : '';
  const exponent =
    random() < 0.3
      ? `${random() < 0.5 ? 'e' : 'E'}${['', '+', '-'][Math.floor(random() * 3)]}${digits(random, 4)}`
      : '';
  return (random() < 0.3 ? '-' : '') + whole + fraction + exponent;
}

/** `{"v":[…],"w":{"1e9":…}}`: strings that look like numbers are left alone. */
function argumentsText(numbers: readonly string[]): string {
  return `{"v":[${numbers.join(',')}],"w":{"k":${numbers[0]},"s":"\\" 1e9, 1.0"}}`;
}

/** A question that has a call of a tool in its history; `args` as text. */
const REQUESTS: Record<Protocol, (args: string) => string> = {
  messages: (args) =>
    `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"q"},{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"t","input":${args}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":"r"}]}]}`,
  chat: (args) =>
    `{"model":"m","messages":[{"role":"user","content":"q"},{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"t","arguments":${JSON.stringify(args)}}}]},{"role":"tool","tool_call_id":"c1","content":"r"}]}`,
  responses: (args) =>
    `{"model":"m","store":false,"input":[{"role":"user","content":"q"},{"type":"function_call","call_id":"c1","name":"t","arguments":${JSON.stringify(args)}},{"type":"function_call_output","call_id":"c1","output":"r"}]}`,
  gemini: (args) =>
    `{"contents":[{"role":"user","parts":[{"text":"q"}]},{"role":"model","parts":[{"functionCall":{"name":"t","args":${args}}}]},{"role":"user","parts":[{"functionResponse":{"name":"t","response":{"output":"r"}}}]}]}`,
};

const ANSWERS: Record<Protocol, (args: string) => string> = {
  messages: (args) =>
    `{"id":"m1","type":"message","content":[{"type":"tool_use","id":"c1","name":"t","input":${args}}],"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":1}}`,
  chat: (args) =>
    `{"id":"c","choices":[{"index":0,"finish_reason":"tool_calls","message":{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"t","arguments":${JSON.stringify(args)}}}]}}]}`,
  responses: (args) =>
    `{"id":"r","status":"completed","output":[{"type":"function_call","id":"f","call_id":"c1","name":"t","status":"completed","arguments":${JSON.stringify(args)}}]}`,
  gemini: (args) =>
    `{"candidates":[{"index":0,"finishReason":"STOP","content":{"role":"model","parts":[{"functionCall":{"name":"t","args":${args}}}]}}]}`,
};

const STREAMS: Record<Protocol, (args: string, cut: readonly string[]) => string> = {
  messages: (_args, cut) =>
    [
      '{"type":"message_start","message":{"id":"m1","usage":{"input_tokens":1,"output_tokens":1}}}',
      '{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"c1","name":"t","input":{}}}',
      ...cut.map(
        (p) =>
          `{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":${JSON.stringify(p)}}}`,
      ),
      '{"type":"content_block_stop","index":0}',
      '{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":3}}',
      '{"type":"message_stop"}',
    ]
      .map((data) => `event: ${JSON.parse(data).type}\ndata: ${data}\n\n`)
      .join(''),
  chat: (_args, cut) =>
    [
      '{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"t","arguments":""}}]}',
      ...cut.map((piece) => `{"tool_calls":[{"index":0,"function":{"arguments":${JSON.stringify(piece)}}}]}`),
    ]
      .map((delta) => `data: {"id":"c","choices":[{"index":0,"delta":${delta},"finish_reason":null}]}\n\n`)
      .join('')
      .concat('data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}\n\ndata: [DONE]\n\n'),
  responses: (args, cut) => {
    const item = (text: string): string =>
      `{"type":"function_call","id":"f","call_id":"c1","name":"t","arguments":${JSON.stringify(text)}}`;
    return [
      '{"type":"response.created","response":{"id":"r"}}',
      `{"type":"response.output_item.added","output_index":0,"item":${item('')}}`,
      ...cut.map(
        (piece) =>
          `{"type":"response.function_call_arguments.delta","output_index":0,"item_id":"f","delta":${JSON.stringify(piece)}}`,
      ),
      `{"type":"response.output_item.done","output_index":0,"item":${item(args)}}`,
      `{"type":"response.completed","response":${ANSWERS.responses(args)}}`,
    ]
      .map((data) => `event: ${JSON.parse(data).type}\ndata: ${data}\n\n`)
      .join('');
  },
  gemini: (args) => `data: ${ANSWERS.gemini(args)}\r\n\r\n`,
};

function makeBudget(): ByteBudget {
  return new ByteBudget(new SharedArrayBuffer(byteBudgetBytes(1)), 1 << 24, 0);
}

/** The arguments stand in it as they are, or inside a string. */
function assertCarries(text: string, args: string, what: string): void {
  const quoted = JSON.stringify(args).slice(1, -1);
  assert.ok(text.includes(args) || text.includes(quoted), `${what}\nexpected ${args}\nin ${text}`);
}

/** What a client puts together from a stream. */
const ASSEMBLED: Record<Protocol, (text: string) => string> = {
  messages: (text) => joined(text, (event) => (asObject(event['delta'])?.['partial_json'] as string) ?? ''),
  chat: (text) =>
    joined(text, ({ choices }) => {
      const [choice] = choices as { delta?: { tool_calls?: { function?: { arguments?: string } }[] } }[];
      return choice?.delta?.tool_calls?.[0]?.function?.arguments ?? '';
    }),
  responses: (text) =>
    joined(text, ({ type, delta }) => (String(type).endsWith('arguments.delta') ? String(delta) : '')),
  gemini: (text) => text,
};

function joined(text: string, read: (event: JsonObject) => string): string {
  const lines = text.split(/\r?\n/).filter((line) => line.startsWith('data: {'));
  return lines.map((line) => read(JSON.parse(line.slice(6)) as JsonObject)).join('');
}

function whole(crossing: Crossing, args: string): string {
  const turned = new WholeCrossing(crossing, CONTEXT, 200, 1 << 20, makeBudget());
  turned.push(Buffer.from(ANSWERS[crossing.upstream](args)));
  return turned.end()!.toString();
}

function streamed(crossing: Crossing, args: string, cut: readonly string[]): string {
  const turned = new StreamCrossing(crossing.stream(CONTEXT), 1 << 20, makeBudget(), false);
  const first = turned.push(Buffer.from(STREAMS[crossing.upstream](args, cut))) ?? '';
  return `${first.toString()}${turned.end()?.toString() ?? ''}`;
}

for (const crossing of CROSSINGS) {
  const name = `${crossing.client} over ${crossing.upstream}`;
  test(`${name}: numbers in arguments are as they were written, there and back`, () => {
    const random = seededRandom(SEED);
    for (let round = 0; round < ROUNDS; round++) {
      const numbers =
        round === 0 ? FIXED : Array.from({ length: 1 + Math.floor(random() * 6) }, () => numberText(random));
      const args = argumentsText(numbers);
      const { body, unsupported } = crossing.request(
        parseExact(REQUESTS[crossing.client](args)) as JsonObject,
        REQUEST_CONTEXT,
      );
      assert.equal(unsupported, null);
      assertCarries(JSON.stringify(body), args, `${name}, request`);
      assertCarries(whole(crossing, args), args, `${name}, answer`);
      const cut = pieces(args, random);
      assertCarries(ASSEMBLED[crossing.client](streamed(crossing, args, cut)), args, `${name}, stream`);
    }
  });
}

test('what is read is what JSON.parse reads, but for the numbers that a double changes', () => {
  const random = seededRandom(SEED);
  for (let round = 0; round < 300; round++) {
    const number = numberText(random);
    const text = argumentsText([number, String(random()), String(Math.floor(random() * 1e15))]);
    assert.equal(JSON.stringify(parseExact(text)), text);
    assert.equal(asNumber(parseExact(number)), Number.isFinite(Number(number)) ? Number(number) : null);
  }
  for (const plain of ['{"a":[1,-2,0.5,1234567890],"b":"1e9"}', '[]', '"1.0"', 'null', '-7']) {
    assert.deepEqual(parseExact(plain), JSON.parse(plain));
  }
  for (const bad of ['1.2.3', '[01]', '-', '[1e]', '{"a":1.}', '"1.0', '[1e9', '--1.0', '+1.0']) {
    assert.throws(() => parseExact(bad), SyntaxError, bad);
  }
});

test('a number that is kept as text is a number to who reads it, and no object', () => {
  const { limit, zero } = parseExact('{"limit":1e3,"zero":-0}') as JsonObject;
  assert.deepEqual([asNumber(limit), asNumber(zero), asObject(limit)], [1_000, -0, null]);
});

test('a document of nothing but such numbers is read in bounded time, the rest of them as doubles', () => {
  const { list } = parseExact(`{"list":[${'1e2,'.repeat(70_000)}1e2]}`) as { list: unknown[] };
  assert.equal(list.filter((each) => each === 100).length, 70_001 - 65_536);
});
