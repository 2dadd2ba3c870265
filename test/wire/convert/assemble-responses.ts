/** What the official SDK makes of the text of a Responses stream: its own parser and accumulator, over a fetch that answers with it. */
import OpenAI from 'openai';
import type { JsonObject } from '#wire/convert/crossing.ts';

/** Rejects on an `error` event, and when the stream ends without its last event. Without the fields that the SDK adds. */
export async function assembleResponses(text: string): Promise<JsonObject> {
  const fetch = async () => new Response(text, { headers: { 'content-type': 'text/event-stream' } });
  const client = new OpenAI({ apiKey: 'none', maxRetries: 0, fetch });
  const response = await client.responses.stream({ model: 'm', input: 'x' }).finalResponse();
  return withoutAdditions(JSON.parse(JSON.stringify(response))) as JsonObject;
}

const ADDED = new Set(['output_text', 'output_parsed', 'parsed', 'parsed_arguments']);

function withoutAdditions(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutAdditions);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([field]) => !ADDED.has(field));
  return Object.fromEntries(kept.map(([field, inner]) => [field, withoutAdditions(inner)]));
}
