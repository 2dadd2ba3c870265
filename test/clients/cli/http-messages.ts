/** HTTP/1.1 messages in recorded bytes of one direction of a connection. For well-behaved peers only. Pure. */

export interface HttpMessage {
  /** `POST /v1/messages HTTP/1.1`, `HTTP/1.1 200 OK`. */
  start: string;
  /** In the order and spelling in which they came. */
  headers: [name: string, value: string][];
  /** Without its framing. */
  body: Buffer;
  /** False: the bytes end before it does. */
  whole: boolean;
}

/** `isBodiless` says of the n-th message that nothing follows its head, whatever it announces. Behind a 101 all is its body. */
export function readMessages(bytes: Buffer, isBodiless: (index: number) => boolean): HttpMessage[] {
  const messages: HttpMessage[] = [];
  let at = 0;
  while (at < bytes.length) {
    const headEnd = bytes.indexOf('\r\n\r\n', at);
    if (headEnd < 0) break;
    const [start = '', ...lines] = bytes.toString('latin1', at, headEnd).split('\r\n');
    const headers = lines.map((line): [string, string] => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    });
    at = headEnd + 4;
    const isUpgrade = start.split(' ')[1] === '101';
    const body = isUpgrade
      ? { body: bytes.subarray(at), end: bytes.length, whole: true }
      : isBodiless(messages.length)
        ? { body: Buffer.alloc(0), end: at, whole: true }
        : readBody(bytes, at, headers);
    messages.push({ start, headers, body: body.body, whole: body.whole });
    at = body.end;
  }
  return messages;
}

/** The first value of a header; '' when it is not there. */
export function headerOf({ headers }: HttpMessage, name: string): string {
  return headers.find(([given]) => given.toLowerCase() === name)?.[1] ?? '';
}

interface Body {
  body: Buffer;
  end: number;
  whole: boolean;
}

function readBody(bytes: Buffer, at: number, headers: [string, string][]): Body {
  const value = (name: string): string | undefined => headers.find(([given]) => given.toLowerCase() === name)?.[1];
  if (value('transfer-encoding')?.toLowerCase() === 'chunked') return readChunks(bytes, at);
  const end = at + Number(value('content-length') ?? 0);
  return { body: bytes.subarray(at, end), end, whole: end <= bytes.length };
}

function readChunks(bytes: Buffer, from: number): Body {
  const chunks: Buffer[] = [];
  let at = from;
  while (true) {
    const lineEnd = bytes.indexOf('\r\n', at);
    const size = lineEnd < 0 ? Number.NaN : Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    const end = lineEnd + 2 + size;
    if (Number.isNaN(size) || end + 2 > bytes.length) {
      const rest = Number.isNaN(size) ? Buffer.alloc(0) : bytes.subarray(lineEnd + 2);
      return { body: Buffer.concat([...chunks, rest]), end: bytes.length, whole: false };
    }
    if (size === 0) return { body: Buffer.concat(chunks), end: end + 2, whole: true };
    chunks.push(bytes.subarray(lineEnd + 2, end));
    at = end + 2;
  }
}
