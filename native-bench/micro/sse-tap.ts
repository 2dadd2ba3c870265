/**
 * What the taps cost: nanoseconds a delta event, of Anthropic by the size of the forwarded chunk, of the other protocols one and sixteen
 * a chunk; and a whole small JSON answer.
 * Run: `node_modules/.bin/node native-bench/micro/sse-tap.ts [--quick]`; one line of JSON a case. `--quick` only shows that it runs.
 */
import { AnthropicTap } from '../../src/meter/anthropic-tap.ts';
import { ChatTap } from '../../src/meter/chat-tap.ts';
import { GeminiTap } from '../../src/meter/gemini-tap.ts';
import { ResponsesTap } from '../../src/meter/responses-tap.ts';
import type { Tap } from '../../src/meter/tap.ts';

const quick = process.argv.includes('--quick');
const ROUNDS = quick ? 2 : 7;
const EVENTS = quick ? 1_000 : 500_000;

function event(type: string, fields: object, compact = true): string {
  const data = JSON.stringify({ type, ...fields }, null, compact ? undefined : 1);
  return compact ? `event: ${type}\ndata: ${data}\n\n` : `data: ${data.replaceAll('\n', ' ')}\n\n`;
}

const delta = { index: 0, delta: { type: 'text_delta', text: 'Hello there, my friend' } };
const usage = { input_tokens: 10, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: 1 };
const opening = event('message_start', { message: { id: 'msg_1', model: 'claude-sonnet-4-5', content: [], usage } });
const closing =
  event('message_delta', { delta: { stop_reason: 'end_turn' }, usage: { ...usage, output_tokens: 900 } }) +
  event('message_stop', {});

/** Best of the rounds: the machine's own noise only ever adds. */
function bestNs(count: number, run: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const start = process.hrtime.bigint();
    run();
    best = Math.min(best, Number(process.hrtime.bigint() - start) / count);
  }
  return best;
}

function report(name: string, unit: string, ns: number): void {
  process.stdout.write(`${JSON.stringify({ bench: 'sse-tap', case: name, unit, ns: Math.round(ns * 10) / 10 })}\n`);
}

function pieces(text: string, bytesEach: number): Buffer[] {
  const whole = Buffer.from(text);
  const list: Buffer[] = [];
  for (let at = 0; at < whole.length; at += bytesEach) list.push(whole.subarray(at, at + bytesEach));
  return list;
}

function streamCase(name: string, deltaFrame: string, framesInBatch: number, chunkBytes: number): void {
  const tap = new AnthropicTap();
  const chunks = pieces(deltaFrame.repeat(framesInBatch), chunkBytes);
  const batches = Math.ceil(EVENTS / framesInBatch);
  const ns = bestNs(batches * framesInBatch, () => {
    tap.start(true);
    tap.push(Buffer.from(opening));
    for (let batch = 0; batch < batches; batch++) for (const chunk of chunks) tap.push(chunk);
    tap.push(Buffer.from(closing));
    tap.end();
  });
  if (tap.usage.outputTokens !== 900 || !tap.terminal) throw new Error(`${name}: the tap lost the usage`);
  report(name, 'delta event', ns);
}

const plain = event('content_block_delta', delta);
streamCase('one event a chunk', plain, 1, plain.length);
streamCase('16 events a chunk', plain, 16, 16 * plain.length);
streamCase('every event cut in two', plain, 16, plain.length - 7);
streamCase('CRLF', plain.replaceAll('\n', '\r\n'), 16, 1 << 20);
streamCase('no event lines', plain.slice(plain.indexOf('\n') + 1), 16, 1 << 20);
streamCase('no event lines, spaces in the JSON', event('content_block_delta', delta, false), 16, 1 << 20);

interface Shape {
  readonly tap: Tap;
  readonly delta: string;
  readonly closing: string;
  readonly isArray?: boolean;
}

/** Of a vendor's own form and length. */
const data = (fields: object): string => `data: ${JSON.stringify(fields)}\n\n`;
const chatChunk = (choice: object): object => ({
  id: 'chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG',
  object: 'chat.completion.chunk',
  created: 1741570283,
  model: 'gpt-5-2025-08-07',
  service_tier: 'default',
  system_fingerprint: 'fp_fc9f1d7035',
  choices: [{ index: 0, logprobs: null, finish_reason: null, ...choice }],
});
const outputDelta = {
  item_id: 'msg_67c9fdcf37fc8190ba82116e33fb28c501b8b0ad346c92cb',
  output_index: 0,
  content_index: 0,
  delta: 'Hello there, my friend',
  sequence_number: 7,
  obfuscation: 'aB3dE5gH7jK9',
};
const geminiChunk = (more: object): object => ({
  candidates: [{ content: { parts: [{ text: 'Hello there, my friend' }], role: 'model' }, index: 0, ...more }],
  usageMetadata: {
    promptTokenCount: 10,
    candidatesTokenCount: 900,
    totalTokenCount: 910,
    promptTokensDetails: [{ modality: 'TEXT', tokenCount: 10 }],
  },
  modelVersion: 'gemini-2.5-pro',
  responseId: 'mAitaLmkHPPlz7IPvtfUqQ4',
});
const geminiEnd = geminiChunk({ finishReason: 'STOP' });
const SHAPES: Record<string, Shape> = {
  chat: {
    tap: new ChatTap(),
    delta: data(chatChunk({ delta: { content: 'Hello there, my friend' } })),
    closing: `${data({ ...chatChunk({ delta: {}, finish_reason: 'stop' }), usage: { prompt_tokens: 10, completion_tokens: 900 } })}data: [DONE]\n\n`,
  },
  responses: {
    tap: new ResponsesTap(),
    delta: event('response.output_text.delta', outputDelta),
    closing: event('response.completed', { response: { id: 'r', usage: { input_tokens: 10, output_tokens: 900 } } }),
  },
  gemini: { tap: new GeminiTap(), delta: data(geminiChunk({})), closing: data(geminiEnd) },
  'gemini array': {
    tap: new GeminiTap(),
    delta: `${JSON.stringify(geminiChunk({}))},\r\n`,
    closing: `${JSON.stringify(geminiEnd)}]`,
    isArray: true,
  },
};

function protocolCase(
  name: string,
  { tap, delta: frame, closing: last, isArray = false }: Shape,
  inChunk: number,
): void {
  const chunk = Buffer.from(frame.repeat(inChunk));
  const chunks = Math.ceil(EVENTS / inChunk);
  const ns = bestNs(chunks * inChunk, () => {
    tap.start(true, isArray);
    if (isArray) tap.push(Buffer.from('['));
    for (let i = 0; i < chunks; i++) tap.push(chunk);
    tap.push(Buffer.from(last));
    tap.end();
  });
  if (tap.usage.outputTokens !== 900 || !tap.terminal) throw new Error(`${name}: the tap lost the usage`);
  report(`${name}, ${frame.length} bytes, ${inChunk} a chunk`, 'delta event', ns);
}

for (const [name, shape] of Object.entries(SHAPES)) {
  protocolCase(name, shape, 1);
  protocolCase(name, shape, 16);
}

const answer = { id: 'msg_1', type: 'message', role: 'assistant', model: 'claude-sonnet-4-5' };
for (const textChars of [200, 20_000]) {
  const content = [{ type: 'text', text: 'So it goes. '.repeat(textChars / 12) }];
  const body = Buffer.from(JSON.stringify({ ...answer, content, stop_reason: 'end_turn', usage }));
  const tap = new AnthropicTap();
  const count = Math.ceil(EVENTS / 10);
  const ns = bestNs(count, () => {
    for (let i = 0; i < count; i++) {
      tap.start(false);
      tap.push(body);
      tap.end();
    }
  });
  if (!tap.terminal || tap.usage.seen !== 'final') throw new Error('the tap lost the usage of a JSON answer');
  report(`JSON answer of ${body.length} bytes`, 'answer', ns);
  const parsed = bestNs(count, () => {
    for (let i = 0; i < count; i++) JSON.parse(body.toString('utf8'));
  });
  report(`the same, toString and JSON.parse`, 'answer', parsed);
}
