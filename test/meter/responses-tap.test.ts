import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ResponsesMessageTap } from '#meter/responses-message-tap.ts';
import { ResponsesTap } from '#meter/responses-tap.ts';
import { cutAnywhere } from '../support/anthropic-answer.ts';
import { tapped, testFixtures } from '../support/tap-fixtures.ts';

testFixtures(new URL('fixtures/responses/', import.meta.url), () => new ResponsesTap());

const event = (type: string, fields: object): string =>
  `event: ${type}\ndata: ${JSON.stringify({ type, ...fields })}\n\n`;
const DELTA = event('response.output_text.delta', { delta: 'hello' });
const usage = { input_tokens: 7, output_tokens: 3 };

test('a last event beyond what is held is read from its end, where the usage is', () => {
  const instructions = 'x'.repeat(200_000);
  const response = { id: 'resp_1', instructions, output: [{ text: 'y'.repeat(100_000) }], service_tier: 'flex', usage };
  const bytes = Buffer.from(
    event('response.created', { response: { id: 'resp_1', model: 'm', instructions } }) +
      DELTA +
      event('response.completed', { response: { ...response, user: null, metadata: {} } }),
  );
  const tap = new ResponsesTap();
  const whole = tapped(tap, 'sse', [bytes]);
  assert.deepEqual(
    [tap.usage.inputTokens, tap.usage.seen, tap.serviceTier, tap.answerId],
    [7, 'final', 'flex', 'resp_1'],
  );
  for (const pieceBytesMax of [700, 9_000, 66_000]) {
    assert.deepEqual(tapped(new ResponsesTap(), 'sse', cutAnywhere(bytes, 1, pieceBytesMax)), whole);
  }
});

test('an event of megabytes passes, and what follows it is read', () => {
  const image = event('response.image_generation_call.partial_image', { partial_image_b64: 'A'.repeat(3_000_000) });
  const bytes = Buffer.from(image + DELTA + event('response.completed', { response: { id: 'r', usage } }));
  const tap = new ResponsesTap();
  const whole = tapped(tap, 'sse', [bytes]);
  assert.deepEqual([tap.usage.outputTokens, tap.terminal], [3, true]);
  assert.deepEqual(tapped(new ResponsesTap(), 'sse', cutAnywhere(bytes, 1, 20_000)), whole);
});

test('content and handshake are told apart while a stream arrives', () => {
  const tap = new ResponsesTap();
  tap.start(true);
  const seen: boolean[][] = [];
  for (const type of ['response.created', 'response.in_progress', 'response.output_item.added']) {
    tap.push(Buffer.from(event(type, {})));
    seen.push([tap.handshakeOnly, tap.contentSeen]);
  }
  assert.deepEqual(seen, [
    [true, false],
    [true, false],
    [false, true],
  ]);
});

test('messages of a WebSocket are read like the data of events', () => {
  const tap = new ResponsesMessageTap();
  tap.start();
  for (const frame of [DELTA, event('response.completed', { response: { id: 'r', usage } })]) {
    tap.push(Buffer.from(frame.slice(frame.indexOf('{')).trimEnd()));
  }
  assert.deepEqual(
    [tap.usage.outputTokens, tap.usage.seen, tap.terminal, tap.estimatedOutputTokens],
    [3, 'final', true, 2],
  );
});

test('a whole response that failed is an error, wherever it says why, also when it says nothing', () => {
  const error = { code: 'invalid_prompt', message: 'no' };
  const documents: [document: object, type: string | null][] = [
    [{ status: 'failed', error }, 'invalid_prompt'],
    [{ error, status: 'failed' }, 'invalid_prompt'],
    [{ status: 'failed', error: null }, ''],
    [{ status: 'completed', error: null, usage }, null],
    [{ status: 'incomplete', output: [{ status: 'failed' }] }, null],
  ];
  for (const [document, type] of documents) {
    for (const pieces of [[JSON.stringify(document)], [...JSON.stringify(document)]]) {
      const tap = new ResponsesTap();
      tap.start(false);
      for (const piece of pieces) {
        tap.push(Buffer.from(piece));
        assert.ok(type === '' ? tap.errorType === null : tap.errorType !== '', 'no type is told before it is known');
      }
      tap.end();
      assert.equal(tap.errorType, type);
      tap.start(false);
      tap.end();
      assert.equal(tap.errorType, null, 'the next answer');
    }
  }
});

/** What a client says in the words of the protocol comes back behind what the account says. */
const ECHOES = {
  metadata: { metadata: { service_tier: 'flex', usage: '0', id: 'resp_x', model: 'x' } },
  objects: { metadata: { usage: { input_tokens: 0, output_tokens: 0 }, service_tier: 'flex', error: { code: 'x' } } },
  tool: { tools: [{ parameters: { properties: { service_tier: { type: 'string' }, usage: { input_tokens: 1 } } } }] },
};

test('what the request says, and the response echoes, changes neither tier nor usage nor names', () => {
  for (const [name, echo] of Object.entries(ECHOES)) {
    const response = { id: 'resp_1', model: 'm', service_tier: 'priority', usage };
    for (const said of [
      { ...response, ...echo },
      { ...echo, ...response },
    ]) {
      const tap = new ResponsesTap();
      tapped(tap, 'sse', [Buffer.from(event('response.created', { response: said }))]);
      assert.deepEqual([tap.answerId, tap.model], ['resp_1', 'm'], name);
      tapped(tap, 'sse', [Buffer.from(DELTA + event('response.completed', { response: said }))]);
      const { inputTokens, outputTokens, seen } = tap.usage;
      assert.deepEqual([inputTokens, outputTokens, seen, tap.serviceTier], [7, 3, 'final', 'priority'], name);
      assert.deepEqual([tap.answerId, tap.model, tap.errorEvent], ['resp_1', 'm', false], name);
    }
  }
});

test('the tier of a response longer than what is held is found before its tools and behind its output', () => {
  const schema = { properties: { service_tier: { type: 'string' }, text: { description: '}"]\\'.repeat(2_000) } } };
  const tools = [{ type: 'function', name: 'f', parameters: schema }];
  for (const outputBytes of [10, 65_000, 65_460, 300_000]) {
    for (const toolsCount of [1, 10]) {
      const output = [{ content: [{ text: 'y'.repeat(outputBytes) }] }];
      const response = { id: 'r', output, service_tier: 'priority', tools: Array(toolsCount).fill(tools[0]), usage };
      const bytes = Buffer.from(event('response.completed', { response: { ...response, metadata: ECHOES.objects } }));
      const tap = new ResponsesTap();
      const whole = tapped(tap, 'sse', [bytes]);
      assert.deepEqual([tap.usage.outputTokens, tap.usage.seen], [3, 'final'], `${outputBytes}, ${toolsCount}`);
      // Ten such tools are more than the end that is kept: the tier is then to be had from the beginning only.
      const isLost = toolsCount === 10 && outputBytes > 65_400;
      assert.equal(tap.serviceTier, isLost ? '' : 'priority', `${outputBytes}, ${toolsCount}`);
      assert.deepEqual(tapped(new ResponsesTap(), 'sse', cutAnywhere(bytes, 1, 9_000)), whole);
    }
  }
});

test('the end of a long event that broke off is not taken for the end of its JSON', () => {
  const text = `${'y'.repeat(70_000)}}],"usage":{"input_tokens":1,"output_tokens":1},"x":{"y":{"z":"}}`;
  const bytes = Buffer.from(event('response.completed', { response: { output: [{ text }], usage } }));
  const tap = new ResponsesTap();
  tapped(tap, 'sse', [bytes.subarray(0, bytes.indexOf('}}"') + 2)]);
  assert.equal(tap.usage.seen, 'none');
  tapped(tap, 'sse', [bytes.subarray(0, -1)]);
  assert.equal(tap.usage.outputTokens, 3, 'of an event without its blank line the data is whole');
});
