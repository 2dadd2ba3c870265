/**
 * Reads the body of an admin request, bounded, as JSON. Primary only.
 */
import type { IncomingMessage } from 'node:http';
import { problem, type Reply } from './reply.ts';

export const ADMIN_BODY_BYTES_MAX = 65_536;

/** The parsed body (undefined when it is empty), or the refusal. Rejects when the caller goes away. */
export async function readJsonBody(request: IncomingMessage): Promise<{ body: unknown } | { refusal: Reply }> {
  if (Number(request.headers['content-length'] ?? 0) > ADMIN_BODY_BYTES_MAX) return { refusal: tooLarge() };
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Not destroyed when the loop is left: the refusal still has to go out on this connection.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    bytes += (chunk as Buffer).length;
    if (bytes > ADMIN_BODY_BYTES_MAX) return { refusal: tooLarge() };
    chunks.push(chunk as Buffer);
  }
  if (bytes === 0) return { body: undefined };
  try {
    return { body: JSON.parse(Buffer.concat(chunks).toString('utf8')) };
  } catch {
    return { refusal: problem(400, 'the body is not JSON') };
  }
}

function tooLarge(): Reply {
  return problem(413, `the body is larger than ${ADMIN_BODY_BYTES_MAX} bytes`);
}
