/**
 * What one attempt asks of its account: method, path, and what of the client's headers travels. Pure; front thread only.
 */
import type { Protocol } from '#base/protocols.ts';
import type { UpstreamMethod } from '#relay/request-head.ts';
import { clientHeaders, forwardedQuery, type Target } from '#relay/target.ts';
import type { Exchange } from './exchange.ts';
import type { Head } from './head.ts';

export interface UpstreamCall {
  readonly method: UpstreamMethod;
  readonly path: string;
  /** Name, value, … */
  readonly headers: readonly string[];
}

/** Where the protocols that stand in for another one generate. */
const TAILS: Partial<Record<Protocol, string>> = {
  messages: '/messages',
  responses: '/responses',
  chat: '/chat/completions',
};

/** A client of another protocol names no version; this is the one that every Anthropic upstream knows. */
const ANTHROPIC_VERSION = '2023-06-01';

export function upstreamCall(exchange: Exchange, target: Target): UpstreamCall {
  if (exchange.mediaPlace !== null) return mediaCall(exchange.mediaPlace.path, target, exchange.head);
  if (exchange.crossing !== null) return crossedCall(exchange, target, exchange.plan!.protocol);
  const { head, route, operation } = exchange;
  const query = forwardedQuery(head.query);
  const tail = operation.protocol === 'gemini' ? modelPath(exchange.sentModel) + route.tail : route.tail;
  return {
    method: methodOf(head.method),
    path: target.base + tail + query,
    headers: clientHeaders(head.forwarded),
  };
}

function methodOf(method: string): UpstreamMethod {
  if (method === 'post') return 'POST';
  return method === 'delete' ? 'DELETE' : 'GET';
}

/** RFC 9110, 14.2: any other range may be left out, and the answer is then the whole file. */
const SINGLE_RANGE = /^bytes=(\d{1,15}-\d{0,15}|-\d{1,15})$/i;

/** The client's query is a signature of ours. HEAD is asked as GET, which every account has: only the head of its answer is read. */
function mediaCall(path: string, target: Target, { method, range }: Head): UpstreamCall {
  const part = method === 'get' && SINGLE_RANGE.test(range) ? ['range', range] : [];
  return { method: 'GET', path: target.base + path, headers: ['accept', '*/*', ...part] };
}

/** Nothing of the client's query or headers means anything in another protocol. */
function crossedCall({ sentModel, streams }: Exchange, target: Target, protocol: Protocol): UpstreamCall {
  const headers = ['content-type', 'application/json'];
  if (protocol === 'messages') headers.push('anthropic-version', ANTHROPIC_VERSION);
  if (protocol !== 'gemini') return { method: 'POST', path: target.base + TAILS[protocol]!, headers };
  const verb = streams ? ':streamGenerateContent?alt=sse' : ':generateContent';
  return { method: 'POST', path: target.base + modelPath(sentModel) + verb, headers };
}

/** Tuned models have a folder of their own. */
function modelPath(model: string): string {
  const [folder, name] = model.startsWith('tunedModels/') ? ['tunedModels', model.slice(12)] : ['models', model];
  return `/${folder}/${encodeURIComponent(name)}`;
}
