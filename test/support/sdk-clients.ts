/**
 * The official clients behind one face, for what must hold of all of them: each asks with its own code and says what it understood.
 * Streams are read event by event where a client offers that, so that one that ends silently too early is no error here but a short answer.
 */
import Anthropic from '@anthropic-ai/sdk';
import { type GenerateContentResponse, GoogleGenAI } from '@google/genai';
import { GoogleGenerativeAI } from '@google/generative-ai';
import OpenAI from 'openai';
import type { Protocol } from '#base/protocols.ts';
import { argumentsOf, type ModelScript, TOOL_SCRIPT, textOf } from './model-script.ts';

export interface SdkQuestion {
  url: string;
  key: string;
  model: string;
  image?: boolean;
  signal?: AbortSignal;
  /** Default: none. */
  retries?: number;
  headers?: Record<string, string>;
  /** Called for each piece of a streamed text. */
  onPiece?: () => void;
}

/** What a client understood. */
export interface SdkAnswer {
  text: string;
  calls: [name: string, input: unknown][];
  /** Input without what was cached, cached, output. */
  use: (number | undefined)[];
}

export interface SdkClient {
  readonly name: string;
  readonly protocol: Protocol;
  /** A model that the account of its own platform serves, in the catalog of `client-scene.ts`. */
  readonly model: string;
  ask(question: SdkQuestion): Promise<SdkAnswer>;
  stream(question: SdkQuestion): Promise<SdkAnswer>;
}

/** What a client must have understood of a script. */
export function understood(script: ModelScript): SdkAnswer {
  const { input, cached, output } = script.use;
  const calls = script.calls.map((call): [string, unknown] => [call.name, JSON.parse(argumentsOf(call))]);
  return { text: textOf(script), calls, use: [input, cached, output] };
}

export const PIXEL = 'iVBORw0KGgo=';
const TOOL_NAMES = TOOL_SCRIPT.calls.map(({ name }) => name);
const SCHEMA = { type: 'object' as const, properties: {} };

const signalOf = ({ signal }: SdkQuestion): { signal?: AbortSignal } => (signal === undefined ? {} : { signal });

function anthropicCall(question: SdkQuestion) {
  const { url, key, model, image, retries = 0, headers = {} } = question;
  const client = new Anthropic({ apiKey: key, baseURL: url, maxRetries: retries, defaultHeaders: headers });
  const source = { type: 'base64' as const, media_type: 'image/png' as const, data: PIXEL };
  const content: Anthropic.ContentBlockParam[] = [{ type: 'text', text: 'hi' }];
  if (image) content.push({ type: 'image', source });
  const tools = TOOL_NAMES.map((name) => ({ name, input_schema: SCHEMA }));
  return { client, body: { model, max_tokens: 256, messages: [{ role: 'user' as const, content }], tools } };
}

function anthropicAnswer({ content, usage }: Anthropic.Message): SdkAnswer {
  return {
    text: content.map((block) => (block.type === 'text' ? block.text : '')).join(''),
    calls: content.flatMap((block) =>
      block.type === 'tool_use' ? [[block.name, block.input] as [string, unknown]] : [],
    ),
    use: [usage.input_tokens, usage.cache_read_input_tokens ?? 0, usage.output_tokens],
  };
}

const ANTHROPIC: SdkClient = {
  name: '@anthropic-ai/sdk',
  protocol: 'messages',
  model: 'claude-haiku-4-5',
  async ask(question) {
    const { client, body } = anthropicCall(question);
    return anthropicAnswer(await client.messages.create(body, signalOf(question)));
  },
  async stream(question) {
    const { client, body } = anthropicCall(question);
    const stream = client.messages.stream(body, signalOf(question));
    stream.on('text', () => question.onPiece?.());
    return anthropicAnswer(await stream.finalMessage());
  },
};

function openAiClient({ url, key, retries = 0, headers = {} }: SdkQuestion): OpenAI {
  return new OpenAI({ apiKey: key, baseURL: `${url}/v1`, maxRetries: retries, defaultHeaders: headers });
}

function chatBody({ model, image }: SdkQuestion): OpenAI.ChatCompletionCreateParamsNonStreaming {
  const content: OpenAI.ChatCompletionContentPart[] = [{ type: 'text', text: 'hi' }];
  if (image) content.push({ type: 'image_url', image_url: { url: `data:image/png;base64,${PIXEL}` } });
  const tools = TOOL_NAMES.map((name) => ({ type: 'function' as const, function: { name, parameters: SCHEMA } }));
  return { model, messages: [{ role: 'user', content }], tools };
}

function chatUse(usage: OpenAI.CompletionUsage | null | undefined): SdkAnswer['use'] {
  const cached = usage?.prompt_tokens_details?.cached_tokens ?? 0;
  return [(usage?.prompt_tokens ?? Number.NaN) - cached, cached, usage?.completion_tokens];
}

const CHAT: SdkClient = {
  name: 'openai chat',
  protocol: 'chat',
  model: 'gpt-5',
  async ask(question) {
    const { choices, usage } = await openAiClient(question).chat.completions.create(
      chatBody(question),
      signalOf(question),
    );
    const { content, tool_calls = [] } = choices[0]!.message;
    const calls = tool_calls.flatMap((call): SdkAnswer['calls'] =>
      call.type === 'function' ? [[call.function.name, JSON.parse(call.function.arguments)]] : [],
    );
    return { text: content ?? '', calls, use: chatUse(usage) };
  },
  async stream(question) {
    const body = { ...chatBody(question), stream: true as const, stream_options: { include_usage: true } };
    const stream = await openAiClient(question).chat.completions.create(body, signalOf(question));
    const calls: { name: string; args: string }[] = [];
    let text = '';
    let use: SdkAnswer['use'] = [];
    for await (const { choices, usage } of stream) {
      if (usage) use = chatUse(usage);
      const delta = choices[0]?.delta;
      if (delta?.content) {
        text += delta.content;
        question.onPiece?.();
      }
      for (const { index, function: called } of delta?.tool_calls ?? []) {
        calls[index] ??= { name: called?.name ?? '', args: '' };
        calls[index].args += called?.arguments ?? '';
      }
    }
    if (question.signal?.aborted) throw question.signal.reason;
    return { text, calls: calls.map(({ name, args }) => [name, JSON.parse(args)]), use };
  },
};

function responsesBody({ model, image }: SdkQuestion): OpenAI.Responses.ResponseCreateParamsNonStreaming {
  const content: OpenAI.Responses.ResponseInputContent[] = [{ type: 'input_text', text: 'hi' }];
  if (image) content.push({ type: 'input_image', detail: 'auto', image_url: `data:image/png;base64,${PIXEL}` });
  const tools = TOOL_NAMES.map((name) => ({ type: 'function' as const, name, strict: false, parameters: SCHEMA }));
  // Accounts of other protocols keep no responses.
  return { model, input: [{ role: 'user', content }], tools, store: false };
}

function responsesAnswer({ output, usage }: OpenAI.Responses.Response): SdkAnswer {
  const cached = usage?.input_tokens_details.cached_tokens ?? 0;
  const texts = output.flatMap((item) => (item.type === 'message' ? item.content : []));
  return {
    text: texts.map((part) => (part.type === 'output_text' ? part.text : '')).join(''),
    calls: output.flatMap((item): SdkAnswer['calls'] =>
      item.type === 'function_call' ? [[item.name, JSON.parse(item.arguments)]] : [],
    ),
    use: [(usage?.input_tokens ?? Number.NaN) - cached, cached, usage?.output_tokens],
  };
}

const RESPONSES: SdkClient = {
  name: 'openai responses',
  protocol: 'responses',
  model: 'gpt-5',
  async ask(question) {
    return responsesAnswer(await openAiClient(question).responses.create(responsesBody(question), signalOf(question)));
  },
  async stream(question) {
    const body = { ...responsesBody(question), stream: true as const };
    let final: SdkAnswer = { text: '', calls: [], use: [] };
    for await (const event of await openAiClient(question).responses.create(body, signalOf(question))) {
      if (event.type === 'response.output_text.delta') question.onPiece?.();
      if (event.type === 'response.completed') final = responsesAnswer(event.response);
    }
    if (question.signal?.aborted) throw question.signal.reason;
    return final;
  },
};

function geminiCall({ url, key, model, image, retries = 0, headers = {}, signal }: SdkQuestion) {
  const retryOptions = retries === 0 ? {} : { retryOptions: { attempts: retries + 1, initialDelay: 0.1 } };
  const client = new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: url, headers, ...retryOptions } });
  const picture = image ? [{ inlineData: { mimeType: 'image/png', data: PIXEL } }] : [];
  const functionDeclarations = TOOL_NAMES.map((name) => ({ name, parametersJsonSchema: SCHEMA }));
  const config = { tools: [{ functionDeclarations }], ...(signal === undefined ? {} : { abortSignal: signal }) };
  return { client, asked: { model, contents: [{ role: 'user', parts: [{ text: 'hi' }, ...picture] }], config } };
}

interface GeminiTokens {
  promptTokenCount?: number;
  cachedContentTokenCount?: number;
  candidatesTokenCount?: number;
  thoughtsTokenCount?: number;
}

function geminiAnswer(
  chunks: Pick<GenerateContentResponse, 'candidates'>[],
  usage: GeminiTokens | undefined,
): SdkAnswer {
  const parts = chunks.flatMap(({ candidates }) => candidates?.[0]?.content?.parts ?? []);
  const cached = usage?.cachedContentTokenCount ?? 0;
  return {
    text: parts.map(({ text, thought }) => (thought ? '' : (text ?? ''))).join(''),
    calls: parts.flatMap(({ functionCall }): SdkAnswer['calls'] =>
      functionCall ? [[functionCall.name ?? '', functionCall.args]] : [],
    ),
    use: [
      (usage?.promptTokenCount ?? Number.NaN) - cached,
      cached,
      (usage?.candidatesTokenCount ?? 0) + (usage?.thoughtsTokenCount ?? 0),
    ],
  };
}

const GENAI: SdkClient = {
  name: '@google/genai',
  protocol: 'gemini',
  model: 'gemini-2.5-pro',
  async ask(question) {
    const { client, asked } = geminiCall(question);
    const answer = await client.models.generateContent(asked);
    return geminiAnswer([answer], answer.usageMetadata);
  },
  async stream(question) {
    const { client, asked } = geminiCall(question);
    const chunks: GenerateContentResponse[] = [];
    for await (const chunk of await client.models.generateContentStream(asked)) {
      chunks.push(chunk);
      question.onPiece?.();
    }
    return geminiAnswer(chunks, chunks.at(-1)?.usageMetadata);
  },
};

function olderGemini({ url, key, model, image, headers = {} }: SdkQuestion) {
  const options = { baseUrl: url, customHeaders: headers };
  const picture = image ? [{ inlineData: { mimeType: 'image/png', data: PIXEL } }] : [];
  const functionDeclarations = TOOL_NAMES.map((name) => ({ name, description: name }));
  const contents = [{ role: 'user', parts: [{ text: 'hi' }, ...picture] }];
  return {
    model: new GoogleGenerativeAI(key).getGenerativeModel({ model }, options),
    asked: { contents, tools: [{ functionDeclarations }] },
  };
}

/** It cannot repeat anything. */
const GENERATIVE_AI: SdkClient = {
  name: '@google/generative-ai',
  protocol: 'gemini',
  model: 'gemini-2.5-pro',
  async ask(question) {
    const { model, asked } = olderGemini(question);
    const { response } = await model.generateContent(asked, signalOf(question));
    return geminiAnswer([response as never], response.usageMetadata);
  },
  async stream(question) {
    const { model, asked } = olderGemini(question);
    const { stream, response } = await model.generateContentStream(asked, signalOf(question));
    // It fails with the stream, which says it.
    response.catch(() => {});
    const chunks = [];
    for await (const chunk of stream) {
      chunks.push(chunk);
      question.onPiece?.();
    }
    return geminiAnswer(chunks as never[], chunks.at(-1)?.usageMetadata);
  },
};

export const OFFICIAL_CLIENTS: readonly SdkClient[] = [ANTHROPIC, CHAT, RESPONSES, GENAI, GENERATIVE_AI];
