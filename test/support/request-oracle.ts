/** What the scan must find, the plain way: by the engine's own decoder and parser, and facts read from the object tree. */
import type { Facts } from '#wire/facts.ts';

type Verdict = { readonly value: unknown } | { readonly faultAt: number | null };

/** What the scan must agree with: the value, or the offset of the fault where the engine's message names one. */
export function oracle(bytes: Uint8Array): Verdict {
  try {
    return { value: JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) };
  } catch (error) {
    const position = /at position (\d+)/.exec((error as Error).message)?.[1];
    // It counts characters: they are bytes in ASCII only.
    return { faultAt: position !== undefined && bytes.every((byte) => byte < 0x80) ? Number(position) : null };
  }
}

interface Expected {
  model: string | null;
  stream: boolean;
  maxTokens: number | null;
  userId: string | null;
  systemTexts: string[];
  messageTexts: string[];
  cacheMarkers: number;
  toolsCount: number;
  messagesCount: number;
  wrongField: string | null;
}

type Json = Record<string, unknown>;

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function own(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** Texts and cache markers of a section's blocks, from the parsed value. */
function gather(value: unknown, texts: string[], count: { markers: number }): void {
  if (Array.isArray(value)) for (const element of value) gather(element, texts, count);
  if (!isObject(value)) return;
  if (isObject(own(value, 'cache_control'))) count.markers++;
  for (const name of ['text', 'content']) {
    const inner = own(value, name);
    if (typeof inner === 'string') {
      if (inner !== '') texts.push(inner);
    } else if (name === 'content') gather(inner, texts, count);
  }
}

/** The facts by the plain way: from the object tree. */
export function expectedFacts(top: unknown): Expected {
  const model = own(top, 'model');
  const named = typeof model === 'string' && model !== '' && !model.includes('\0') && Buffer.byteLength(model) <= 128;
  const [messages, system, tools] = [own(top, 'messages'), own(top, 'system'), own(top, 'tools')];
  const [maxTokens, stream] = [own(top, 'max_tokens'), own(top, 'stream')];
  const userId = own(own(top, 'metadata'), 'user_id') ?? null;
  const positive = typeof maxTokens === 'number' && Number.isSafeInteger(maxTokens) && maxTokens > 0;
  const count = { markers: 0 };
  const systemTexts: string[] = typeof system === 'string' && system !== '' ? [system] : [];
  const messageTexts: string[] = [];
  if (Array.isArray(system)) gather(system, systemTexts, count);
  if (Array.isArray(messages)) gather(messages, messageTexts, count);
  for (const tool of Array.isArray(tools) ? tools.flat(Number.POSITIVE_INFINITY) : []) {
    if (isObject(own(tool, 'cache_control'))) count.markers++;
  }
  const wrong = [
    ['body', !isObject(top)],
    ['model', !named],
    ['messages', !Array.isArray(messages)],
    ['max_tokens', maxTokens !== undefined && !positive],
    ['stream', stream !== undefined && typeof stream !== 'boolean'],
    ['metadata.user_id', userId !== null && typeof userId !== 'string'],
  ] as const;
  return {
    model: named ? model : null,
    stream: stream === true,
    maxTokens: positive ? maxTokens : null,
    userId: typeof userId === 'string' ? userId : null,
    systemTexts: systemTexts.sort(),
    messageTexts: messageTexts.sort(),
    cacheMarkers: count.markers,
    toolsCount: Array.isArray(tools) ? tools.length : 0,
    messagesCount: Array.isArray(messages) ? messages.length : 0,
    wrongField: wrong.find(([, isWrong]) => isWrong)?.[0] ?? null,
  };
}

/** The texts that the spans point at, decoded one by one. */
function textsAt(bytes: Uint8Array, spans: Int32Array): string[] {
  const texts: string[] = [];
  for (let i = 0; i < spans.length; i += 2) {
    const raw = Buffer.from(bytes.subarray(spans[i]!, spans[i + 1]!)).toString('utf8');
    texts.push(JSON.parse(`"${raw}"`));
  }
  return texts;
}

export function spanBytes(spans: Int32Array): number {
  let sum = 0;
  for (let i = 0; i < spans.length; i += 2) sum += spans[i + 1]! - spans[i]!;
  return sum;
}

/** The facts of a scan in the same shape, its spans as decoded texts. */
export function readable(bytes: Uint8Array, facts: Facts): Expected {
  const { model, stream, maxTokens, userId, cacheMarkers, toolsCount, messagesCount } = facts;
  return {
    ...{ model, stream, maxTokens, userId, cacheMarkers, toolsCount, messagesCount },
    systemTexts: textsAt(bytes, facts.systemSpans).sort(),
    messageTexts: textsAt(bytes, facts.messageSpans).sort(),
    wrongField: facts.fieldError?.path ?? null,
  };
}
