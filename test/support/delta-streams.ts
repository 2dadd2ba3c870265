/**
 * Random streams of Chat, Responses and Gemini, of which most frames are plain deltas that differ in little, and the same streams with a
 * mark in every frame, by which no two are alike: a tap has to read each of those by itself, and come to the same result.
 */
import { below, type Random } from './request-generator.ts';

export type Protocol = 'chat' | 'responses' | 'gemini';
export type StreamForm = 'sse' | 'array';

export interface DeltaStream {
  readonly plain: Buffer;
  /** Says the same, with a member of another name in each frame. */
  readonly marked: Buffer;
}

const pick = <T>(random: Random, choices: readonly T[]): T => choices[below(random, choices.length)]!;

const TEXTS = [
  ...['', 'Hello there, my friend', 'a', '"', '\\', '\\"', 'x\\', '\n', '\r\n\r\n', 'data: x\n\n', 'é', '漢字', '🚰🌊'],
  ...[
    '"usage":{"prompt_tokens":1}',
    '{"error":{}}',
    '"}],"finish_reason":"stop"',
    'type',
    'usage',
    'content',
    '\u0001',
    '\u2028',
  ],
  ...['1234567', '}', ']}', ' ', 'z'.repeat(63), 'y"'.repeat(200)],
];
const text = (random: Random): string => pick(random, TEXTS) + (random() < 0.3 ? pick(random, TEXTS) : '');
const number = (random: Random): unknown =>
  random() < 0.9 ? below(random, 10 ** (1 + below(random, 6))) : pick(random, [-1, 1.5, 1e300, null, 'x', [], {}]);

/** Raw JSON that no serializer would write for a text. */
const ODD_VALUES = [
  '"a\\u0022b"',
  '"\\/"',
  '"\u0007"',
  '"open',
  'null',
  '[]',
  '["a","b"]',
  '{"content":"n","text":"n"}',
  '12',
  'true',
];

type Fields = Record<string, unknown>;

function shuffled(random: Random, fields: Fields): Fields {
  const entries = Object.entries(fields);
  for (let i = entries.length - 1; i > 0; i--) {
    const other = below(random, i + 1);
    [entries[i], entries[other]] = [entries[other]!, entries[i]!];
  }
  return Object.fromEntries(entries);
}

function chatFields(random: Random, kind: number): Fields {
  const usage = { prompt_tokens: number(random), completion_tokens: below(random, 900), total_tokens: 910 };
  const tool = [{ index: below(random, 3), function: { arguments: text(random) } }];
  const delta = pick(random, [
    { content: text(random) },
    { content: text(random) },
    { content: text(random), role: 'assistant' },
    { reasoning_content: text(random) },
    { tool_calls: tool },
    {},
  ]);
  const chunk: Fields = {
    id: text(random),
    created: 1_741_570_283 + below(random, 20),
    model: pick(random, ['m', 'gpt-5']),
  };
  chunk['choices'] = [{ index: 0, delta, logprobs: null, finish_reason: kind === 1 ? 'stop' : null }];
  if (kind === 2) return { ...chunk, usage };
  if (kind === 3) return { ...chunk, choices: [], usage, service_tier: 'flex' };
  if (kind === 4) return { ...chunk, usage: null };
  if (kind === 5) return { error: { code: 'server_error', message: text(random) } };
  if (kind === 6) return { ...chunk, error: pick<unknown>(random, [null, {}, 'e']) };
  if (kind === 7) return { ...chunk, model: undefined };
  return { ...chunk, obfuscation: text(random) };
}

function responsesFields(random: Random, kind: number): Fields {
  const usage = { input_tokens: number(random), output_tokens: below(random, 900) };
  const response = { id: 'resp_1', model: 'm', service_tier: 'default', output: [{ usage: text(random) }], usage };
  const sequence = { sequence_number: below(random, 2_000) };
  if (kind === 1) return { type: 'response.completed', response, ...sequence };
  if (kind === 2) return { type: 'response.created', response: { ...response, usage: null } };
  if (kind === 3) return { type: 'response.failed', response: { ...response, error: { code: 'x' } } };
  if (kind === 4) return { type: 'error', code: text(random), message: text(random) };
  if (kind === 5) return { type: 'response.output_item.added', item: { id: text(random) } };
  const type = pick(random, [
    'response.output_text.delta',
    'response.output_text.delta',
    'response.function_call_arguments.delta',
  ]);
  return {
    type,
    item_id: text(random),
    output_index: below(random, 12),
    delta: text(random),
    ...sequence,
    obfuscation: text(random),
  };
}

function geminiFields(random: Random, kind: number): Fields {
  const details = [{ modality: pick(random, ['TEXT', 'AUDIO']), tokenCount: below(random, 20) }];
  const usageMetadata: Fields = {
    promptTokenCount: number(random),
    candidatesTokenCount: below(random, 900),
    promptTokensDetails: details,
  };
  if (random() < 0.1) usageMetadata['thoughtsTokenCount'] = below(random, 90);
  const part = pick<Fields>(random, [
    { text: text(random) },
    { text: text(random) },
    { text: text(random), thought: true },
    {},
  ]);
  const candidate: Fields = { content: { parts: [part], role: 'model' }, index: 0 };
  const chunk: Fields = {
    usageMetadata,
    modelVersion: pick(random, ['gemini-2.5-pro', 'g']),
    responseId: text(random),
  };
  if (kind === 1) return { candidates: [{ ...candidate, finishReason: 'STOP' }], ...chunk };
  if (kind === 2) return { promptFeedback: { blockReason: 'SAFETY' }, ...chunk };
  if (kind === 3)
    return { candidates: [{ content: { parts: [{ functionCall: { args: { text: text(random) } } }] } }], ...chunk };
  if (kind === 4) return { candidates: [candidate], modelVersion: 'g' };
  if (kind === 5) return { error: { status: 'UNAVAILABLE', message: text(random) } };
  if (kind === 6)
    return { candidates: [candidate], ...chunk, usageMetadata: pick<unknown>(random, [null, {}, text(random), [1]]) };
  return { candidates: [candidate], ...chunk };
}

const FIELDS = { chat: chatFields, responses: responsesFields, gemini: geminiFields };

/** How this stream writes: a server has one way. */
interface Habits {
  readonly lineEnd: string;
  readonly indent: number;
  readonly named: boolean;
  readonly shuffles: boolean;
}

function jsonOf(random: Random, protocol: Protocol, habits: Habits): string {
  // Plain deltas mostly, so that there is something to know again.
  const kind = random() < 0.75 ? 0 : below(random, 9);
  const fields = FIELDS[protocol](random, kind);
  const json = JSON.stringify(habits.shuffles ? shuffled(random, fields) : fields, null, habits.indent);
  if (random() > 0.03) return json;
  const odd = pick(random, ODD_VALUES);
  return json.replace(
    /"(content|delta|text|id|usage|type)":\s*("(?:[^"\\]|\\.)*"|null)/,
    (_all, name) => `"${name}":${odd}`,
  );
}

let marks = 0;

/** A member that nobody knows, before all others; behind the type where that comes first. */
function withMark(json: string): string {
  return json
    .replace(/^\{(\s*)"type":(\s*)"([^"]*)"/, `{$1"type":$2"$3","mark${++marks}":null`)
    .replace(/^\{(?!\s*"type")/, `{"mark${marks}":null,`);
}

function frameOf(json: string, habits: Habits): string {
  const { lineEnd } = habits;
  const lines = habits.indent === 0 ? [json] : json.split('\n');
  const type = /"type":\s*"([^"]*)"/.exec(json)?.[1];
  const head = habits.named && type !== undefined ? `event: ${type}${lineEnd}` : '';
  return `${head}${lines.map((line) => `data: ${line}${lineEnd}`).join('')}${lineEnd}`;
}

const damage = (random: Random, bytes: string): string => {
  const at = below(random, bytes.length);
  const noise = pick(random, ['', '"', '\\', '{', '}', '\n', '\r', ':', ' ', '\0', '\xff', '9', 'data: ', '\n\n']);
  return bytes.slice(0, at) + noise + bytes.slice(at + below(random, 3));
};

/** Damage is done to both streams alike: it hits what stands behind the mark. */
function twins(random: Random, json: string, damaged: boolean): [string, string] {
  const marked = withMark(json);
  if (!damaged) return [json, marked];
  let common = 0;
  while (common < json.length - 1 && json.at(-1 - common) === marked.at(-1 - common)) common++;
  const tail = damage(random, json.slice(json.length - common));
  return [json.slice(0, json.length - common) + tail, marked.slice(0, marked.length - common) + tail];
}

export function deltaStream(random: Random, protocol: Protocol, form: StreamForm, hostile: boolean): DeltaStream {
  const shuffles = random() < 0.15;
  const habits: Habits = {
    lineEnd: pick(random, ['\n', '\n', '\r\n', '\r\n', '\r']),
    indent: random() < 0.2 ? 1 : 0,
    // A type that is neither named nor among the first bytes is not read, so a mark before it could make a difference.
    named: protocol === 'responses' && (shuffles || random() < 0.7),
    shuffles,
  };
  let plain = form === 'array' ? '[' : '';
  let marked = plain;
  const frames = 3 + below(random, 25);
  for (let i = 0; i < frames; i++) {
    const damaged = hostile && random() < 0.2;
    const pair = twins(random, jsonOf(random, protocol, habits), damaged);
    const between =
      form === 'array' ? pick(random, [',', ',\r\n', '\n,\n']) : pick(random, ['', '', '', ': ping\n\n', '\n', '\r\n']);
    const [a, b] = form === 'array' ? pair : pair.map((json) => frameOf(json, habits));
    plain += a + between;
    marked += b + between;
  }
  if (protocol === 'chat' && random() < 0.7) {
    plain += `data: [DONE]${habits.lineEnd}${habits.lineEnd}`;
    marked += `data: [DONE]${habits.lineEnd}${habits.lineEnd}`;
  }
  const end = form === 'array' && random() < 0.7 ? '{"a":1}]' : '';
  return { plain: Buffer.from(plain + end), marked: Buffer.from(marked + end) };
}
