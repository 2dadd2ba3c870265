/**
 * The head of a client's request, copied at once: the server's request object dies when its handler returns. Only what later
 * stages use is kept; headers that may travel to an upstream are collected by the relay's allow-list.
 *
 * Front thread only.
 */
import type { HttpRequest } from './uws.ts';

export interface Head {
  /** Lower case. */
  readonly method: string;
  readonly path: string;
  /** Without `?`; '' when none. */
  readonly query: string;
  /** The presented key, from `x-api-key` or `Authorization: Bearer`; '' when none. */
  readonly key: string;
  /** −1 when there is no Content-Length. */
  readonly contentLength: number;
  readonly contentEncoding: string;
  /** The client's own `x-request-id`, recorded and never trusted. */
  readonly clientRequestId: string;
  /** `x-forwarded-for`, several joined in their order; '' when none. Believed only when it comes from a trusted proxy. */
  readonly forwardedFor: string;
  /** Name, value, name, value…: what the allow-list lets through to an upstream. */
  readonly forwarded: string[];
  /** A fault of the head itself, '' when there is none. */
  readonly fault: string;
}

/** Whether a header of the client may reach an upstream; names are lower case. */
export type ForwardFilter = (name: string) => boolean;

const DIGITS = /^\d{1,15}$/;

export function copyHead(req: HttpRequest, mayForward: ForwardFilter): Head {
  let apiKey = '';
  let bearer = '';
  let contentLength = -1;
  let contentEncoding = '';
  let clientRequestId = '';
  let forwardedFor = '';
  let fault = '';
  const forwarded: string[] = [];
  req.forEach((name, value) => {
    switch (name) {
      case 'x-api-key':
        apiKey = value;
        return;
      case 'authorization':
        bearer = readBearer(value);
        return;
      case 'content-length':
        if (contentLength >= 0) fault = 'content-length is given twice';
        else if (!DIGITS.test(value)) fault = 'content-length is not a number';
        else contentLength = Number(value);
        return;
      case 'content-encoding':
        contentEncoding = value;
        return;
      case 'x-request-id':
        clientRequestId = value.slice(0, 64);
        return;
      case 'x-forwarded-for':
        forwardedFor = forwardedFor === '' ? value : `${forwardedFor},${value}`;
        return;
      default:
        if (mayForward(name)) forwarded.push(name, value);
    }
  });
  return {
    method: req.getMethod(),
    path: req.getUrl(),
    query: req.getQuery() ?? '',
    key: apiKey === '' ? bearer : apiKey,
    contentLength,
    contentEncoding,
    clientRequestId,
    forwardedFor,
    forwarded,
    fault,
  };
}

function readBearer(value: string): string {
  return value.length > 7 && value.slice(0, 7).toLowerCase() === 'bearer ' ? value.slice(7).trim() : '';
}
