/**
 * What clients can ask for: one row an operation, with everything that differs between the protocols. The lifecycle is the same for
 * all of them. Tables only; front thread.
 */
import type { Protocol } from '#base/protocols.ts';
import { AnthropicTap } from '#meter/anthropic-tap.ts';
import { ChatTap } from '#meter/chat-tap.ts';
import { GeminiTap } from '#meter/gemini-tap.ts';
import { ResponsesMessageTap } from '#meter/responses-message-tap.ts';
import { ResponsesTap } from '#meter/responses-tap.ts';
import type { Tap } from '#meter/tap.ts';
import { ANTHROPIC_DIALECT } from '#wire/anthropic.ts';
import type { Dialect } from '#wire/dialect.ts';
import { GEMINI_DIALECT } from '#wire/gemini-errors.ts';
import { CHAT_DIALECT, RESPONSES_DIALECT, RESPONSES_SOCKET_DIALECT, SORA_DIALECT } from '#wire/openai-errors.ts';
import * as shapes from '#wire/request-shape.ts';
import { servedBy } from './crossings.ts';

/** Reads the answers of one protocol. */
export type TapMaker = new () => Tap;

export interface Operation {
  readonly name: string;
  /** The client's protocol, as the usage log names it. */
  readonly protocol: Protocol;
  /** Protocols of accounts that can serve it, the best first; all but its own need a crossing. */
  readonly servedBy: readonly Protocol[];
  readonly dialect: Dialect;
  /** Null: it has no body. */
  readonly shape: shapes.RequestShape | null;
  /** `asked`: by a field of the body. */
  readonly streams: 'asked' | 'always' | 'never';
  /** Its answers cost money; others are only relayed. */
  readonly billed: boolean;
  /** What it generates is text, so that an answer without usage can be estimated by its length. */
  readonly generates: boolean;
  /** It asks how many tokens a request has, which the gateway can tell where no account does. */
  readonly counts: boolean;
  /** It comes and is answered over a WebSocket. */
  readonly overSocket: boolean;
  /** What it asks for belongs to the account that made it, which alone can serve it: an operation on a stored response. */
  readonly owned: boolean;
  /** Only for keys of groups of platform sora: a job that primary runs, or the models that can be asked for. */
  readonly media: 'job' | 'models' | null;
  /** A signed link stands for the key. */
  readonly linked: boolean;
}

type Fields = Partial<Operation> & Pick<Operation, 'protocol' | 'dialect'>;

function operation(name: string, fields: Fields): Operation {
  return Object.freeze({
    name,
    servedBy: [fields.protocol],
    shape: null,
    streams: 'never',
    billed: false,
    generates: false,
    counts: false,
    overSocket: false,
    owned: false,
    media: null,
    linked: false,
    ...fields,
  });
}

/** Those that make a model write. */
function generation(name: string, fields: Fields & Pick<Operation, 'shape'>): Operation {
  return operation(name, { billed: true, generates: true, servedBy: servedBy(fields.protocol), ...fields });
}

export const MESSAGES = generation('messages', {
  protocol: 'messages',
  dialect: ANTHROPIC_DIALECT,
  shape: shapes.MESSAGES_SHAPE,
  streams: 'asked',
});

export const COUNT_TOKENS = operation('count_tokens', {
  protocol: 'count_tokens',
  dialect: ANTHROPIC_DIALECT,
  shape: shapes.MESSAGES_SHAPE,
  counts: true,
});

export const CHAT = generation('chat', {
  protocol: 'chat',
  dialect: CHAT_DIALECT,
  shape: shapes.CHAT_SHAPE,
  streams: 'asked',
});

export const COMPLETIONS = generation('completions', {
  protocol: 'completions',
  dialect: CHAT_DIALECT,
  shape: shapes.COMPLETIONS_SHAPE,
  streams: 'asked',
});

export const EMBEDDINGS = operation('embeddings', {
  protocol: 'embeddings',
  dialect: CHAT_DIALECT,
  shape: shapes.EMBEDDINGS_SHAPE,
  billed: true,
});

export const RESPONSES = generation('responses', {
  protocol: 'responses',
  dialect: RESPONSES_DIALECT,
  shape: shapes.RESPONSES_SHAPE,
  streams: 'asked',
});

/** One turn of a WebSocket; whether it asks for a stream or not, its events come as they are made. */
export const RESPONSES_TURN = generation('responses_turn', {
  protocol: 'responses',
  dialect: RESPONSES_SOCKET_DIALECT,
  shape: shapes.RESPONSES_SHAPE,
  servedBy: ['responses'],
  streams: 'always',
  overSocket: true,
});

/** Makes a shorter history of a long one; answers with usage. */
export const RESPONSES_COMPACT = generation('responses_compact', {
  protocol: 'responses',
  dialect: RESPONSES_DIALECT,
  shape: shapes.RESPONSES_SHAPE,
  servedBy: ['responses'],
});

export const RESPONSES_INPUT_TOKENS = operation('responses_input_tokens', {
  protocol: 'responses',
  dialect: RESPONSES_DIALECT,
  shape: shapes.RESPONSES_SHAPE,
  counts: true,
});

/** Retrieve, cancel, delete, list the input of a stored response. */
export const RESPONSES_STORED = operation('responses_stored', {
  protocol: 'responses',
  dialect: RESPONSES_DIALECT,
  owned: true,
});

export const GEMINI_GENERATE = generation('gemini_generate', {
  protocol: 'gemini',
  dialect: GEMINI_DIALECT,
  shape: shapes.GEMINI_SHAPE,
});

export const GEMINI_STREAM = generation('gemini_stream', {
  protocol: 'gemini',
  dialect: GEMINI_DIALECT,
  shape: shapes.GEMINI_SHAPE,
  streams: 'always',
});

export const GEMINI_COUNT = operation('gemini_count', {
  protocol: 'gemini',
  dialect: GEMINI_DIALECT,
  shape: shapes.GEMINI_COUNT_SHAPE,
  counts: true,
});

export const GEMINI_EMBED = operation('gemini_embed', {
  protocol: 'gemini',
  dialect: GEMINI_DIALECT,
  shape: shapes.GEMINI_EMBED_SHAPE,
  billed: true,
});

export const GEMINI_BATCH_EMBED = operation('gemini_batch_embed', {
  protocol: 'gemini',
  dialect: GEMINI_DIALECT,
  shape: shapes.GEMINI_BATCH_EMBED_SHAPE,
  billed: true,
});

/** A picture or video in the clothes of a chat completion. */
export const SORA = operation('sora', {
  protocol: 'sora',
  dialect: SORA_DIALECT,
  shape: shapes.CHAT_SHAPE,
  streams: 'asked',
  billed: true,
  media: 'job',
});

export const SORA_MODELS = operation('sora_models', { protocol: 'sora', dialect: SORA_DIALECT, media: 'models' });

/** What such a job made. */
export const SORA_MEDIA = operation('sora_media', { protocol: 'sora', dialect: SORA_DIALECT, linked: true });

/** By the protocol that the upstream speaks. */
const TAPS: Partial<Record<Protocol, TapMaker>> = {
  messages: AnthropicTap,
  chat: ChatTap,
  completions: ChatTap,
  embeddings: ChatTap,
  responses: ResponsesTap,
  gemini: GeminiTap,
};

/** Which tap reads the answers to this operation of an upstream that speaks this protocol. */
export function tapMaker({ overSocket }: Operation, protocol: Protocol): TapMaker {
  if (overSocket) return ResponsesMessageTap;
  return TAPS[protocol] ?? AnthropicTap;
}
