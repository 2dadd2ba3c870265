/**
 * The paths of the data port, and what they take. (`/healthz` is the listener's own.) Where protocols collide the method and a colon
 * decide: `GET /v1/models/{id}` lists, `POST /v1/models/{id}:generateContent` asks. Pure.
 */

import { ANTHROPIC_DIALECT } from '#wire/anthropic.ts';
import type { Dialect } from '#wire/dialect.ts';
import { GEMINI_DIALECT } from '#wire/gemini-errors.ts';
import { CHAT_DIALECT, RESPONSES_DIALECT, SORA_DIALECT } from '#wire/openai-errors.ts';
import type { Operation } from './operations.ts';
import * as operations from './operations.ts';

/**
 * Answers of the gateway itself: the models of a key's group, paths at which clients only want to be told that all is well, and those
 * at which a WebSocket is opened.
 */
export type OwnAnswer = 'models' | 'well' | 'socket';

export interface Route {
  /** How this path's client is spoken to. */
  readonly dialect: Dialect;
  /** Null: an answer of our own, or none. */
  readonly operation: Operation | null;
  readonly own: OwnAnswer | null;
  /** Path at the upstream, behind its base and version: `/messages`. */
  readonly tail: string;
  /** What the path names: a model, the id of one in a list, a media job; '' when nothing. */
  readonly named: string;
  /** For 405: the methods that the path does take, as an `allow` header; '' otherwise. */
  readonly allow: string;
}

interface Place {
  readonly methods: readonly string[];
  readonly route: Route;
  /** For GET, where that is something else. */
  readonly get?: Route;
}

function route(dialect: Dialect, fields: Partial<Route>): Route {
  return Object.freeze({ dialect, operation: null, own: null, tail: '', named: '', allow: '', ...fields });
}

function relayed(operation: Operation, tail: string): Place {
  return { methods: ['post'], route: route(operation.dialect, { operation, tail }) };
}

function asked(operation: Operation, named = '', methods: readonly string[] = ['get']): Place {
  return { methods, route: route(operation.dialect, { operation, named }) };
}

const WELL: Place = { methods: ['get', 'head', 'post'], route: route(ANTHROPIC_DIALECT, { own: 'well' }) };
/** Its dialect is that of whoever asks: `ownDialect`. */
const MODELS: Place = { methods: ['get'], route: route(CHAT_DIALECT, { own: 'models' }) };
const GEMINI_MODELS: Place = { methods: ['get'], route: route(GEMINI_DIALECT, { own: 'models' }) };

const PLACES: Readonly<Record<string, Place>> = Object.freeze({
  '/v1/messages': relayed(operations.MESSAGES, '/messages'),
  '/v1/messages/count_tokens': relayed(operations.COUNT_TOKENS, '/messages/count_tokens'),
  '/v1/chat/completions': relayed(operations.CHAT, '/chat/completions'),
  '/v1/completions': relayed(operations.COMPLETIONS, '/completions'),
  '/v1/embeddings': relayed(operations.EMBEDDINGS, '/embeddings'),
  '/v1/responses': { ...relayed(operations.RESPONSES, '/responses'), get: route(RESPONSES_DIALECT, { own: 'socket' }) },
  '/v1/responses/compact': relayed(operations.RESPONSES_COMPACT, '/responses/compact'),
  '/v1/responses/input_tokens': relayed(operations.RESPONSES_INPUT_TOKENS, '/responses/input_tokens'),
  '/sora/v1/chat/completions': relayed(operations.SORA, ''),
  '/sora/v1/models': asked(operations.SORA_MODELS),
  '/v1/models': MODELS,
  '/v1beta/models': GEMINI_MODELS,
  '/v1alpha/models': GEMINI_MODELS,
  // Claude Code looks whether anybody is there, and older ones tell how they are used, to an address that has no use for it.
  '/': { ...WELL, methods: ['get', 'head'] },
  '/api/hello': WELL,
  '/api/event_logging/batch': WELL,
});

const GEMINI_VERBS: Readonly<Record<string, Operation>> = Object.freeze({
  generateContent: operations.GEMINI_GENERATE,
  streamGenerateContent: operations.GEMINI_STREAM,
  countTokens: operations.GEMINI_COUNT,
  embedContent: operations.GEMINI_EMBED,
  batchEmbedContents: operations.GEMINI_BATCH_EMBED,
});

/** `/v1beta/models/{model}` with or without a verb; tuned models keep their folder in their name. */
const MODEL_PATH = /^\/(v1|v1beta|v1alpha)\/(models\/|(?=tunedModels\/))([^:?#]{1,256})(?::([A-Za-z]+))?$/;
/** `/v1/responses/{id}` and what can be done with one. */
const RESPONSE_PATH = /^\/responses\/([A-Za-z0-9_-]{1,128})(\/cancel|\/input_items)?$/;

/** What a media job made. */
const MEDIA_PATH = /^\/sora\/media\/([0-9a-f-]{36}(?:\/\d{1,2})?)$/;

/** Dialects of the paths that begin so; the first that fits. */
const DIALECTS: readonly (readonly [start: RegExp, dialect: Dialect])[] = [
  [/^\/v1(alpha|beta|internal)\b|:[A-Za-z]+$/, GEMINI_DIALECT],
  [/^(\/v1)?\/responses\b/, RESPONSES_DIALECT],
  [/^(\/v1)?\/(chat|completions|embeddings|images|audio|files|videos|moderations)\b/, CHAT_DIALECT],
  [/^\/sora\//, SORA_DIALECT],
];

/** `method` in lower case, `path` as it came. */
export function matchRoute(method: string, path: string): Route {
  const place = Object.hasOwn(PLACES, path) ? PLACES[path]! : findPlace(path);
  if (place === null) return route(dialectOf(path), {});
  if (method === 'get' && place.get !== undefined) return place.get;
  return place.methods.includes(method) ? place.route : notAllowed(place.route.dialect, place.methods);
}

/** Paths with names in them, and clients whose base address has no version. */
function findPlace(path: string): Place | null {
  const decoded = path.includes('%') ? decode(path) : path;
  if (decoded.startsWith('/responses')) return PLACES[`/v1${decoded}`] ?? responsePlace(decoded);
  if (decoded.startsWith('/v1/responses/')) return responsePlace(decoded.slice(3));
  const [, media] = MEDIA_PATH.exec(decoded) ?? [];
  if (media !== undefined) return asked(operations.SORA_MEDIA, media, ['get', 'head']);
  const [, version, , model, verb] = MODEL_PATH.exec(decoded) ?? [];
  if (version === undefined || model === undefined) return null;
  return verb === undefined ? modelPlace(version, model) : verbPlace(model, verb);
}

/** A path that decodes to none stays as it is, and is then unknown. */
function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function responsePlace(tail: string): Place | null {
  const [, id = '', action] = RESPONSE_PATH.exec(tail) ?? [];
  if (id === '') return null;
  const methods = action === '/cancel' ? ['post'] : action === undefined ? ['get', 'delete'] : ['get'];
  const operation = operations.RESPONSES_STORED;
  return { methods, route: route(operation.dialect, { operation, tail, named: id }) };
}

function modelPlace(version: string, named: string): Place {
  const { methods, route: list } = version === 'v1' ? MODELS : GEMINI_MODELS;
  return { methods, route: { ...list, named } };
}

function verbPlace(named: string, verb: string): Place | null {
  const operation = Object.hasOwn(GEMINI_VERBS, verb) ? GEMINI_VERBS[verb]! : null;
  if (operation === null) return null;
  return { methods: ['post'], route: route(GEMINI_DIALECT, { operation, tail: `:${verb}`, named }) };
}

function notAllowed(dialect: Dialect, methods: readonly string[]): Route {
  return route(dialect, { allow: methods.join(', ').toUpperCase() });
}

/** Paths at which a WebSocket is opened. */
export const SOCKET_PATHS: readonly string[] = ['/v1/responses', '/responses'];
/** What every message of such a WebSocket is. */
export const TURN_ROUTE = route(operations.RESPONSES_TURN.dialect, { operation: operations.RESPONSES_TURN });

/** The dialect that a path suggests. */
export function dialectOf(path: string): Dialect {
  return DIALECTS.find(([start]) => start.test(path))?.[1] ?? ANTHROPIC_DIALECT;
}
