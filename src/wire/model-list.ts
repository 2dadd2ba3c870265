/**
 * Lists of models in the three shapes that clients ask for. When a model was made, and by whom, the gateway does not know, and says the
 * least that the shape allows. Pure.
 *
 *   Anthropic  { data: [ { type: "model", id, display_name, created_at } ], has_more, first_id, last_id }    limit, after_id, before_id
 *   OpenAI     { object: "list", data: [ { id, object: "model", created, owned_by } ] }
 *   Gemini     { models: [ { name: "models/<id>", displayName, supportedGenerationMethods, … } ], nextPageToken }  pageSize, pageToken
 *
 * Sources: platform.claude.com/docs/en/api/models-list, platform.openai.com/docs/api-reference/models, ai.google.dev/api/models.
 */
import type { JsonObject } from './convert/crossing.ts';

export type ModelListShape = 'anthropic' | 'openai' | 'gemini';

const UNKNOWN_TIME = '1970-01-01T00:00:00Z';
const ANTHROPIC_PAGE = { usual: 20, most: 1000 };
const GEMINI_PAGE = { usual: 50, most: 1000 };

/** `query`: as it came, without `?`. */
export function renderModelList(shape: ModelListShape, names: readonly string[], query: string): JsonObject {
  const asked = new URLSearchParams(query);
  if (shape === 'openai') return { object: 'list', data: names.map((name) => renderModel(shape, name)) };
  return shape === 'anthropic' ? anthropicPage(names, asked) : geminiPage(names, asked);
}

export function renderModel(shape: ModelListShape, name: string): JsonObject {
  if (shape === 'openai') return { id: name, object: 'model', created: 0, owned_by: 'penstock' };
  if (shape === 'anthropic') return { type: 'model', id: name, display_name: name, created_at: UNKNOWN_TIME };
  const methods = /embedding/.test(name)
    ? ['embedContent', 'batchEmbedContents']
    : ['generateContent', 'streamGenerateContent', 'countTokens'];
  return { name: `models/${name}`, version: '', displayName: name, supportedGenerationMethods: methods };
}

function anthropicPage(names: readonly string[], asked: URLSearchParams): JsonObject {
  const limit = pageSize(asked.get('limit'), ANTHROPIC_PAGE);
  const after = names.indexOf(asked.get('after_id') ?? '');
  const before = names.indexOf(asked.get('before_id') ?? '');
  const rest = before >= 0 ? names.slice(0, before) : names.slice(after + 1);
  const page = before >= 0 ? rest.slice(Math.max(0, rest.length - limit)) : rest.slice(0, limit);
  return {
    data: page.map((name) => renderModel('anthropic', name)),
    has_more: page.length < rest.length,
    first_id: page[0] ?? null,
    last_id: page.at(-1) ?? null,
  };
}

/** A token is the name behind which the next page begins. */
function geminiPage(names: readonly string[], asked: URLSearchParams): JsonObject {
  const start = names.indexOf(asked.get('pageToken') ?? '') + 1;
  const page = names.slice(start, start + pageSize(asked.get('pageSize'), GEMINI_PAGE));
  const models = page.map((name) => renderModel('gemini', name));
  return start + page.length < names.length ? { models, nextPageToken: page.at(-1) } : { models };
}

function pageSize(asked: string | null, { usual, most }: { usual: number; most: number }): number {
  const size = Number(asked ?? usual);
  return Number.isInteger(size) && size > 0 ? Math.min(size, most) : usual;
}
