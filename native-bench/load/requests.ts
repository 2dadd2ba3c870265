/** The requests that all loads send: Anthropic Messages with a prompt of a given size. */

export interface RequestShape {
  key: string;
  /** Bytes of the whole JSON body, as near as the prompt allows. */
  bodyBytes: number;
  stream: boolean;
}

/** Headers beside host and content-length. */
export function requestHeaders(key: string): Record<string, string> {
  return { 'content-type': 'application/json', 'anthropic-version': '2023-06-01', 'x-api-key': key };
}

const PROMPT = 'What does a penstock do, and who keeps it from bursting? ';

export function requestBody({ bodyBytes, stream }: Omit<RequestShape, 'key'>): string {
  const around = JSON.stringify(message('', stream)).length;
  const length = Math.max(1, bodyBytes - around);
  return JSON.stringify(message(PROMPT.repeat(Math.ceil(length / PROMPT.length)).slice(0, length), stream));
}

function message(content: string, stream: boolean): object {
  return { model: 'claude-haiku-4-5', max_tokens: 256, stream, messages: [{ role: 'user', content }] };
}

/** The request as its bytes on the wire, for drivers of plain sockets. */
export function rawRequest(url: string, shape: RequestShape, extra: Record<string, string> = {}): Buffer {
  const body = requestBody(shape);
  const named = Object.entries({ ...requestHeaders(shape.key), ...extra });
  const headers = named.map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `POST /v1/messages HTTP/1.1\r\nhost: ${new URL(url).host}\r\n${headers.join('')}`;
  return Buffer.from(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}
