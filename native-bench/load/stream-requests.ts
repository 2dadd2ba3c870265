/** A stream asked for in each protocol: the request, what the mock answers to it, and how a client tells its events apart. Pure. */
import { filledBody, messagesBody, rawPost, requestHeaders } from './requests.ts';
import { type ScriptKind, streamScript } from './stream-scripts.ts';

export interface StreamRequest {
  /** As the bench names its cases. */
  name: string;
  target: string;
  headers(key: string): Record<string, string>;
  body(prompt: string): object;
  /** What the mock answers when the request reaches it as it is … */
  answered: ScriptKind;
  /** … and when Penstock has asked for the usage that it needs. */
  answeredPenstock: ScriptKind;
  /** Once in every event, and nowhere else. */
  mark: string;
}

const SSE_MARK = 'data: {';
const JSON_TYPE = { 'content-type': 'application/json' };
const bearer = (key: string): Record<string, string> => ({ ...JSON_TYPE, authorization: `Bearer ${key}` });
const chatBody = (prompt: string): object => ({
  model: 'gpt-5',
  max_completion_tokens: 256,
  stream: true,
  messages: [{ role: 'user', content: prompt }],
});
const CHAT = { target: '/v1/chat/completions', headers: bearer, mark: SSE_MARK } as const;
const GEMINI = {
  headers: (key: string) => ({ ...JSON_TYPE, 'x-goog-api-key': key }),
  body: (text: string) => ({
    contents: [{ role: 'user', parts: [{ text }] }],
    generationConfig: { maxOutputTokens: 256 },
  }),
} as const;
const GEMINI_TARGET = '/v1beta/models/gemini-3.5-flash:streamGenerateContent';

export const STREAM_REQUESTS: readonly StreamRequest[] = [
  {
    name: 'Messages',
    target: '/v1/messages',
    headers: requestHeaders,
    body: (prompt) => messagesBody(prompt, true),
    answered: 'messages',
    answeredPenstock: 'messages',
    mark: SSE_MARK,
  },
  { name: 'Chat', ...CHAT, body: chatBody, answered: 'chat', answeredPenstock: 'chat with usage' },
  {
    name: 'Chat, usage asked for',
    ...CHAT,
    body: (prompt) => ({ ...chatBody(prompt), stream_options: { include_usage: true } }),
    answered: 'chat with usage',
    answeredPenstock: 'chat with usage',
  },
  {
    name: 'Responses',
    target: '/v1/responses',
    headers: bearer,
    body: (input) => ({ model: 'gpt-5', max_output_tokens: 256, stream: true, input }),
    answered: 'responses',
    answeredPenstock: 'responses',
    mark: SSE_MARK,
  },
  {
    name: 'Gemini SSE',
    ...GEMINI,
    target: `${GEMINI_TARGET}?alt=sse`,
    answered: 'gemini',
    answeredPenstock: 'gemini',
    mark: SSE_MARK,
  },
  {
    name: 'Gemini array',
    ...GEMINI,
    target: GEMINI_TARGET,
    answered: 'gemini array',
    answeredPenstock: 'gemini array',
    mark: '"candidates"',
  },
];

export function rawStreamRequest(url: string, request: StreamRequest, key: string, bodyBytes: number): Buffer {
  return rawPost(url, request.target, request.headers(key), filledBody(bodyBytes, request.body));
}

/** Of one stream, as its client sees it, when the upstream sends `events` between opening and end. */
export function eventsOf({ answered, mark }: StreamRequest, events: number): number {
  const { opening, event, closing } = streamScript(answered, events);
  const marks = (text: string): number => text.split(mark).length - 1;
  return marks(opening) + events * marks(event('')) + marks(closing);
}
