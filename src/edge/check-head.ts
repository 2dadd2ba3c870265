/** What the head of a request already rules out, and what its body then may not ask for. Pure decisions; front thread only. */
import { readCoding } from '#base/codings.ts';
import { type Refusal, refuse } from '#failure/registry.ts';
import { geminiQueryFault } from '#wire/gemini-query.ts';
import type { Exchange } from './exchange.ts';
import type { Head } from './head.ts';
import type { Operation } from './operations.ts';
import type { Parts } from './parts.ts';
import { tooLarge } from './too-large.ts';

/** What can be no JSON. Clients that name no type, or the one of forms as curl does, mean JSON. */
const NO_JSON =
  /^(multipart|image|audio|video|font)\/|^application\/(octet-stream|pdf|zip|gzip)|[/+](xml|html|protobuf|msgpack|cbor|yaml)\b/i;

/** Its usage would come when nobody is there to bill it. */
export const NO_BACKGROUND = 'background: expected false, because answers that nobody waits for are not served.';

export function checkRoute({ route, welcome }: Exchange): Refusal | null {
  const { operation, own, allow } = route;
  if (own === 'socket') return welcome === null ? refuse('upgrade_required') : null;
  if (operation !== null || own !== null) return null;
  return refuse(allow === '' ? 'path_unknown' : 'method_not_allowed');
}

export function checkHead(
  { config, replies, open, lateBooks }: Parts,
  head: Head,
  operation: Operation | null,
): Refusal | null {
  const { limits } = config;
  if (replies.refusing) return refuse('draining');
  if (open.size + lateBooks.size > limits.exchangesPerFront) return refuse('exchanges_exhausted');
  if (readCoding(head.contentEncoding) === null) return refuse('encoding_unsupported');
  if (operation?.shape && NO_JSON.test(head.contentType)) return refuse('media_unsupported');
  const fault = operation?.protocol === 'gemini' ? geminiQueryFault(head.query) : '';
  if (fault !== '') return refuse('field_invalid', fault);
  return head.contentLength > limits.bodyBytesMax ? tooLarge(limits.bodyBytesMax) : null;
}
