/**
 * The request of a client as an account of another protocol understands it, or one of its own after an account of another: the one place where
 * a body is parsed into objects. Bounded by `limits.crossingBytesMax`, because it happens in one turn. Front thread only.
 */
import { type Refusal, refuse } from '#failure/registry.ts';
import type { JsonObject } from '#wire/convert/crossing.ts';
import { parseExact } from '#wire/convert/exact-json.ts';
import { leaveCarried } from '#wire/convert/leave-carried.ts';
import type { Exchange } from './exchange.ts';

const encoder = new TextEncoder();

/** The bytes to send, in memory of their own. `maxTokensDefault`: for protocols that require a limit. */
export function parsedRequest(exchange: Exchange, bytesMax: number, maxTokensDefault: number): Uint8Array | Refusal {
  const bytes = exchange.body!.bytes;
  if (bytes.length > bytesMax) return refuse('body_too_large', `For this model the limit is ${bytesMax} bytes.`);
  const parsed = parse(bytes);
  const { crossing, sentModel: model } = exchange;
  if (crossing === null) return withoutCarried(exchange, parsed);
  const { body, dropped, unsupported } = crossing.request(parsed, {
    model,
    stream: exchange.streams,
    maxTokensDefault,
  });
  if (unsupported !== null) return refuse('crossing_unsupported', `${unsupported.path}: ${unsupported.reason}.`);
  exchange.dropped = dropped;
  return encoder.encode(JSON.stringify(body));
}

function withoutCarried(exchange: Exchange, body: JsonObject): Uint8Array {
  exchange.dropped = leaveCarried(body);
  if (exchange.operation.shape!.modelInBody) body['model'] = exchange.sentModel;
  return encoder.encode(JSON.stringify(body));
}

/** The scan has found it to be a JSON object. */
function parse(bytes: Uint8Array): JsonObject {
  return parseExact(new TextDecoder().decode(bytes)) as JsonObject;
}
