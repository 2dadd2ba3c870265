/** The requests that loads send, with a prompt of a given size: Anthropic Messages, but for those of `stream-requests.ts`. */

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
  return filledBody(bodyBytes, (prompt) => messagesBody(prompt, stream));
}

/** JSON of what `make` makes of a prompt, as long as it takes for so many bytes in all. */
export function filledBody(bodyBytes: number, make: (prompt: string) => object): string {
  const around = JSON.stringify(make('')).length;
  const length = Math.max(1, bodyBytes - around);
  return JSON.stringify(make(PROMPT.repeat(Math.ceil(length / PROMPT.length)).slice(0, length)));
}

export function messagesBody(content: string, stream: boolean): object {
  return { model: 'claude-haiku-4-5', max_tokens: 256, stream, messages: [{ role: 'user', content }] };
}

/** The request as its bytes on the wire, for drivers of plain sockets. */
export function rawRequest(url: string, shape: RequestShape, extra: Record<string, string> = {}): Buffer {
  return rawPost(url, '/v1/messages', { ...requestHeaders(shape.key), ...extra }, requestBody(shape));
}

export function rawPost(url: string, target: string, headers: Record<string, string>, body: string): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const head = `POST ${target} HTTP/1.1\r\nhost: ${new URL(url).host}\r\n${lines.join('')}`;
  return Buffer.from(`${head}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}
