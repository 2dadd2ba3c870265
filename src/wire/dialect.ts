/**
 * How the gateway itself speaks to a client: refusals before an answer and inside one, keep-alive bytes, the name of the request id.
 * One dialect a protocol family, in the file of the protocol. Pure; runs on front threads.
 */
import type { Refusal } from '#failure/registry.ts';

export interface Dialect {
  readonly name: 'anthropic' | 'chat' | 'responses' | 'gemini' | 'sora';
  /** HTTP status of a refusal before the first byte. */
  status(refusal: Refusal): number;
  /** The JSON body of that status. */
  renderError(refusal: Refusal, requestId: string): Uint8Array;
  /** A refusal inside a stream whose status has already gone out; never a terminal event. */
  renderErrorEvent(refusal: Refusal, requestId: string): Uint8Array;
  /** Behind such an event, in a write of its own: another form of it, for clients that take no notice of the first. `body`: its error. */
  readonly lastWords?: (body: Uint8Array) => Uint8Array;
  /** The JSON body of an upstream's error status, as an event inside such a stream. */
  wrapError(body: Uint8Array): Uint8Array;
  /** What a waiting stream may be sent, anywhere between events, by every client of the protocol; null: nothing is safe. */
  readonly keepAlive: Uint8Array | null;
  /** Header that carries the id of an answer that the gateway makes itself; '' when clients know none. */
  readonly requestIdHeader: 'request-id' | 'x-request-id' | '';
}

/** The public words of a refusal. */
export function messageOf({ failure, detail }: Refusal): string {
  return detail === '' ? failure.text : `${failure.text} ${detail}`;
}

/** Bytes of JSON as one line, for a frame of which each line end would be the end. */
export function oneLine(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength)
    .toString('utf8')
    .replace(/[\r\n]+/g, ' ');
}
