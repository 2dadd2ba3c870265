/**
 * The paths of the data port, and what they take. (`/healthz` is the listener's own.) Where protocols collide the method and a colon
 * decide: `GET /v1/models/{id}` lists, `POST /v1/models/{id}:generateContent` asks. Pure.
 */

import { ANTHROPIC_DIALECT } from '#wire/anthropic.ts';
import type { Dialect } from '#wire/dialect.ts';
import { GEMINI_DIALECT } from '#wire/gemini-errors.ts';
import { CHAT_DIALECT, RESPONSES_DIALECT } from '#wire/openai-errors.ts';
import type { Operation } from './operations.ts';
import * as operations from './operations.ts';

/** Answers of the gateway itself: the models of a key's group, and paths at which clients only want to be told that all is well. */
export type OwnAnswer = 'models' | 'well';

export interface Route {
  /** How this path's client is spoken to. */
  readonly dialect: Dialect;
  /** Null: an answer of our own, or none. */
  readonly operation: Operation | null;
  readonly own: OwnAnswer | null;
  /** Path at the upstream, behind its base and version: `/messages`. */
  readonly tail: string;
  /** What the path names: a model, the id of one in a list; '' when nothing. */
  readonly named: string;
  /** For 405: the methods that the path does take, as an `allow` header; '' otherwise. */
  readonly allow: string;
}

interface Place {
  readonly methods: readonly string[];
  readonly route: Route;
}

function route(dialect: Dialect, fields: Partial<Route>): Route {
  return Object.freeze({ dialect, operation: null, own: null, tail: '', named: '', allow: '', ...fields });
}

function relayed(operation: Operation, tail: string): Place {
  return { methods: ['post'], route: route(operation.dialect, { operation, tail }) };
}

const WELL: Place = { methods: ['get', 'head', 'post'], route: route(ANTHROPIC_DIALECT, { own: 'well' }) };

const PLACES: Readonly<Record<string, Place>> = Object.freeze({
  '/v1/messages': relayed(operations.MESSAGES, '/messages'),
  '/api/hello': WELL,
  '/api/event_logging/batch': WELL,
});

/** Dialects of the paths that begin so; the first that fits. */
const DIALECTS: readonly (readonly [start: RegExp, dialect: Dialect])[] = [
  [/^\/v1(alpha|beta|internal)\b|:[A-Za-z]+$/, GEMINI_DIALECT],
  [/^(\/v1)?\/responses\b/, RESPONSES_DIALECT],
  [/^(\/v1)?\/(chat|completions|embeddings|images|audio|files|videos|moderations)\b|^\/sora\//, CHAT_DIALECT],
];

/** `method` in lower case, `path` as it came. */
export function matchRoute(method: string, path: string): Route {
  const place = Object.hasOwn(PLACES, path) ? PLACES[path]! : null;
  if (place === null) return route(dialectOf(path), {});
  return place.methods.includes(method) ? place.route : notAllowed(place.route.dialect, place.methods);
}

function notAllowed(dialect: Dialect, methods: readonly string[]): Route {
  return route(dialect, { allow: methods.join(', ').toUpperCase() });
}

/** The dialect that a path suggests. */
export function dialectOf(path: string): Dialect {
  return DIALECTS.find(([start]) => start.test(path))?.[1] ?? ANTHROPIC_DIALECT;
}
