/** What the official SDKs make of the text of a stream: their own parsers and accumulators, over a fetch that answers with it. */
import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import type { JsonObject } from '#wire/convert/crossing.ts';

function fetchOf(text: string): () => Promise<Response> {
  return async () => new Response(text, { headers: { 'content-type': 'text/event-stream' } });
}

/** Rejects on an `error` event, and when the stream ends without `message_stop`. */
export async function assembleMessages(text: string): Promise<JsonObject> {
  const client = new Anthropic({ apiKey: 'none', maxRetries: 0, fetch: fetchOf(text) });
  const request = { model: 'm', max_tokens: 1, messages: [{ role: 'user' as const, content: 'x' }] };
  return plain(await client.messages.stream(request).finalMessage());
}

/** Rejects on an error, and when no choice has a finish reason. */
export async function assembleChat(text: string): Promise<JsonObject> {
  const client = new OpenAI({ apiKey: 'none', maxRetries: 0, fetch: fetchOf(text) });
  const request = { model: 'm', messages: [{ role: 'user' as const, content: 'x' }] };
  return plain(await client.chat.completions.stream(request).finalChatCompletion());
}

function plain(value: unknown): JsonObject {
  return JSON.parse(JSON.stringify(value)) as JsonObject;
}
