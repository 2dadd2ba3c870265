/** Vercel's AI SDK with each of its providers, with the same face as the official clients. */
import { createAnthropic } from '@ai-sdk/anthropic';
import { createGoogleGenerativeAI } from '@ai-sdk/google';
import { createOpenAI } from '@ai-sdk/openai';
import {
  generateText,
  jsonSchema,
  type LanguageModel,
  type LanguageModelUsage,
  streamText,
  type ToolSet,
  tool,
} from 'ai';
import { TOOL_SCRIPT } from './model-script.ts';
import { PIXEL, type SdkAnswer, type SdkClient, type SdkQuestion } from './sdk-clients.ts';

const inputSchema = jsonSchema<Record<string, unknown>>({ type: 'object', properties: {} });
// A set of tools by computed names is not of the SDK's own type where optional fields are exact.
const TOOLS = Object.fromEntries(
  TOOL_SCRIPT.calls.map(({ name }) => [name, tool({ inputSchema })]),
) as never as ToolSet;

function callOf(model: LanguageModel, { image, signal, retries = 0 }: SdkQuestion) {
  const picture = { type: 'file' as const, data: Buffer.from(PIXEL, 'base64'), mediaType: 'image/png' };
  const content = [{ type: 'text' as const, text: 'hi' }, ...(image ? [picture] : [])];
  const messages = [{ role: 'user' as const, content }];
  return {
    model,
    maxOutputTokens: 256,
    messages,
    tools: TOOLS,
    maxRetries: retries,
    ...(signal === undefined ? {} : { abortSignal: signal }),
  };
}

function answerOf(text: string, calls: { toolName: string; input: unknown }[], usage: LanguageModelUsage): SdkAnswer {
  const { noCacheTokens, cacheReadTokens } = usage.inputTokenDetails;
  return {
    text,
    calls: calls.map(({ toolName, input }) => [toolName, input]),
    use: [noCacheTokens, cacheReadTokens ?? 0, usage.outputTokens],
  };
}

function aiClient(
  fields: Pick<SdkClient, 'name' | 'protocol' | 'model'>,
  make: (question: SdkQuestion) => LanguageModel,
): SdkClient {
  return {
    ...fields,
    async ask(question) {
      const { text, toolCalls, usage } = await generateText(callOf(make(question), question));
      return answerOf(text, toolCalls, usage);
    },
    async stream(question) {
      const stream = streamText({ ...callOf(make(question), question), onError: () => {} });
      let text = '';
      for await (const part of stream.fullStream) {
        if (part.type === 'error') throw part.error;
        if (part.type === 'abort') throw new DOMException('aborted', 'AbortError');
        if (part.type !== 'text-delta') continue;
        text += part.text;
        question.onPiece?.();
      }
      return answerOf(text, await stream.toolCalls, await stream.usage);
    },
  };
}

/** `headers` of the question are handed to the provider. */
const common = ({ key, headers = {} }: SdkQuestion) => ({ apiKey: key, headers });

export const AI_CLIENTS: readonly SdkClient[] = [
  aiClient({ name: 'ai anthropic', protocol: 'messages', model: 'claude-haiku-4-5' }, (question) =>
    createAnthropic({ ...common(question), baseURL: `${question.url}/v1` })(question.model),
  ),
  aiClient({ name: 'ai openai.chat', protocol: 'chat', model: 'gpt-5' }, (question) =>
    createOpenAI({ ...common(question), baseURL: `${question.url}/v1` }).chat(question.model),
  ),
  aiClient({ name: 'ai openai.responses', protocol: 'responses', model: 'gpt-5' }, (question) =>
    createOpenAI({ ...common(question), baseURL: `${question.url}/v1` }).responses(question.model),
  ),
  aiClient({ name: 'ai google', protocol: 'gemini', model: 'gemini-2.5-pro' }, (question) =>
    createGoogleGenerativeAI({ ...common(question), baseURL: `${question.url}/v1beta` })(question.model),
  ),
];
