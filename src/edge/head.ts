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
  /** As the client addressed this gateway; '' when it did not say. */
  readonly host: string;
  /** Without `?`; '' when none. */
  readonly query: string;
  /** The presented key, from `x-api-key`, `Authorization: Bearer`, `x-goog-api-key` or `?key=`, on every path; '' when none. */
  readonly key: string;
  /** The key came the way in which only Google's clients send theirs. */
  readonly isGoogle: boolean;
  /** `origin` and, of a browser's question ahead of a request, `access-control-request-headers`; '' when none. */
  readonly origin: string;
  readonly askedHeaders: string;
  /** −1 when there is no Content-Length. */
  readonly contentLength: number;
  /** Several joined in their order; '' when none. */
  readonly contentEncoding: string;
  /** As it came, '' when none. */
  readonly contentType: string;
  /** The client's own `x-request-id`, recorded and never trusted. */
  readonly clientRequestId: string;
  /** `x-forwarded-for`, several joined in their order; '' when none. Believed only when it comes from a trusted proxy. */
  readonly forwardedFor: string;
  /** Name, value, name, value…: what the allow-list lets through to an upstream. */
  readonly forwarded: string[];
  /** The part of a file that is asked for, where a condition does not make it uncertain; '' when none. */
  readonly range: string;
  /** The body comes in chunks. */
  readonly chunked: boolean;
  /** A fault of the head itself, '' when there is none. Where the body ends is then anybody's guess. */
  readonly fault: string;
}

/** In place of one that nobody asks any more. */
export const NO_HEAD: Head = Object.freeze({
  method: '',
  path: '',
  host: '',
  query: '',
  key: '',
  isGoogle: false,
  origin: '',
  askedHeaders: '',
  contentLength: -1,
  contentEncoding: '',
  contentType: '',
  clientRequestId: '',
  forwardedFor: '',
  forwarded: [],
  range: '',
  chunked: false,
  fault: '',
});

/** Whether a header of the client may reach an upstream; names are lower case. */
export type ForwardFilter = (name: string) => boolean;

const DIGITS = /^\d{1,15}$/;
/** What an upstream's client refuses to send, or would send as other bytes than came. 0.2 µs for the headers of a request. */
const UNSENDABLE = /[^\t\x20-\x7e]/;

export function copyHead(req: HttpRequest, mayForward: ForwardFilter): Head {
  let apiKey = '';
  let googKey = '';
  let origin = '';
  let askedHeaders = '';
  let bearer = '';
  let contentLength = -1;
  let contentEncoding = '';
  let contentType = '';
  let clientRequestId = '';
  let forwardedFor = '';
  let range = '';
  let rangeHolds = true;
  let chunked = false;
  let host = '';
  let hosts = 0;
  let fault = '';
  const forwarded: string[] = [];
  req.forEach((name, value) => {
    switch (name) {
      case 'x-api-key':
        apiKey = value;
        return;
      case 'x-goog-api-key':
        googKey = value;
        return;
      case 'authorization':
        bearer = readBearer(value);
        return;
      case 'origin':
        origin = value;
        return;
      case 'access-control-request-headers':
        askedHeaders = value;
        return;
      case 'content-length':
        if (contentLength >= 0) fault = 'content-length is given twice';
        else if (!DIGITS.test(value)) fault = 'content-length is not a number';
        else contentLength = Number(value);
        return;
      // The server takes any value for chunked, and the first of two lengths or hosts.
      case 'transfer-encoding':
        if (chunked || value.toLowerCase() !== 'chunked') fault = 'transfer-encoding may only be chunked, once';
        chunked = true;
        return;
      case 'host':
        if (++hosts > 1) fault = 'host is given twice';
        host = value;
        return;
      case 'content-encoding':
        contentEncoding = contentEncoding === '' ? value : `${contentEncoding},${value}`;
        return;
      case 'content-type':
        contentType = value;
        break;
      case 'x-request-id':
        clientRequestId = value.slice(0, 64);
        return;
      case 'x-forwarded-for':
        forwardedFor = forwardedFor === '' ? value : `${forwardedFor},${value}`;
        return;
      case 'range':
        rangeHolds &&= range === '';
        range = value;
        return;
      // Nothing here has a mark that a client could have kept: it cannot fit.
      case 'if-range':
        rangeHolds = false;
        return;
      default:
        if (!mayForward(name)) return;
    }
    if (UNSENDABLE.test(value)) fault = `${name} has a character beyond printable ASCII`;
    forwarded.push(name, value);
  });
  const query = req.getQuery() ?? '';
  const inQuery = queryKey(query);
  if (query !== '' && UNSENDABLE.test(query)) fault = 'the query has a character beyond printable ASCII';
  return {
    method: req.getMethod(),
    path: req.getUrl(),
    host,
    query,
    key: apiKey || bearer || googKey || inQuery,
    isGoogle: googKey !== '' || inQuery !== '',
    origin,
    askedHeaders,
    contentLength,
    contentEncoding,
    contentType,
    clientRequestId,
    forwardedFor,
    forwarded,
    range: rangeHolds ? range : '',
    chunked,
    fault,
  };
}

function readBearer(value: string): string {
  return value.length > 7 && value.slice(0, 7).toLowerCase() === 'bearer ' ? value.slice(7).trim() : '';
}

/** Google's clients may put their key into the query, where it never travels on (`relay/target.ts`). */
function queryKey(query: string): string {
  if (!query.includes('key=')) return '';
  for (const part of query.split('&')) if (part.startsWith('key=')) return part.slice(4);
  return '';
}
