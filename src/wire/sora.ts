/**
 * A chat completion that means a picture or a video, read as an order for a media job. Pure; runs on front threads, over a body that the
 * scan has found to be valid and to have a model and messages.
 *
 *   prompt   = top-level `prompt`, else the texts of the messages of the user, joined by line ends
 *   picture  = top-level `image`, else an `image_url` part: { url } or text; a data URL, bare base64, or an address
 *   remix    = top-level `remix_target_id`, else `s_<32 hex>` in the prompt, alone or in a link to sora.chatgpt.com/p/
 *
 * What an API of video jobs cannot do is refused by name, never left out in silence.
 */
import type { MediaRequest } from './media-job.ts';
import { findMediaModel, type MediaModel } from './media-models.ts';
import { readReference } from './reference-image.ts';

/** Why a request cannot become a job: the field, and words that say what is wrong with it. */
export interface MediaFault {
  readonly path: string;
  readonly reason: string;
}

type JsonObject = Readonly<Record<string, unknown>>;

const PROMPT_CHARS_MAX = 32_000;
const SECONDS_MAX = 60;
const SIZE = /^[1-9]\d{1,4}x[1-9]\d{1,4}$/;
const REMIX_ID = /^[A-Za-z0-9_-]{1,128}$/;
const REMIX_IN_PROMPT = /(?:https?:\/\/)?(?:sora\.chatgpt\.com\/p\/)?\b(s_[0-9a-f]{32})\b\S*/;
const QUALITIES: readonly string[] = ['low', 'medium', 'high', 'standard', 'hd'];
const STORYBOARD = /(?:^|\n)\s*\[\d+(?:\.\d+)?s\]/;

/** Of sub2api's façade, and beyond an account that takes OpenAI's video jobs. */
const UNSUPPORTED: readonly (readonly [name: RegExp, what: string])[] = [
  [/^cameo_/, 'cameos'],
  [/^character_/, 'characters'],
  [/^watermark_/, 'control of the watermark'],
  [/^video$/, 'a video as input'],
  [/^storyboard/, 'storyboards'],
];

export function readMediaRequest(body: JsonObject): MediaRequest | MediaFault {
  const model = findMediaModel(String(body['model'] ?? ''));
  if (model === null) return { path: 'model', reason: 'Unsupported Sora model' };
  if (model === 'text')
    return { path: 'model', reason: 'Unsupported Sora model: it writes text, and these accounts make media' };
  const messages = Array.isArray(body['messages']) ? (body['messages'] as unknown[]) : [];
  if (messages.length === 0) return { path: 'messages', reason: 'must not be empty' };
  const parts = userParts(messages);
  const fault =
    unsupportedField(body) ?? unsupportedPart(parts) ?? unsupportedCount(body, parts) ?? contradiction(body, model);
  if (fault !== null) return fault;
  return readOrder(body, parts, model);
}

function readOrder(body: JsonObject, parts: readonly Part[], model: MediaModel): MediaRequest | MediaFault {
  const written = typeof body['prompt'] === 'string' && body['prompt'] !== '' ? body['prompt'] : promptOf(parts);
  if (STORYBOARD.test(written)) return { path: 'prompt', reason: 'storyboards are not made by these accounts' };
  const remix = readRemix(body, written, model);
  if ('reason' in remix) return remix;
  const { prompt, remixOf } = remix;
  if (prompt === '') return { path: 'prompt', reason: 'must not be empty' };
  if (prompt.length > PROMPT_CHARS_MAX)
    return { path: 'prompt', reason: `is longer than ${PROMPT_CHARS_MAX} characters` };
  const image = readReference(body['image'] ?? parts.find((part) => part.type === 'image_url')?.value ?? null);
  if (image !== null && 'reason' in image) return image;
  if (image !== null && model.kind === 'image')
    return { path: 'image', reason: 'a picture from a picture is not made by these accounts' };
  if (image !== null && remixOf !== null) return { path: 'image', reason: 'a remix takes no picture' };
  const shape = readShape(body, model);
  if ('reason' in shape) return shape;
  const quality = readQuality(body, model);
  if (typeof quality !== 'string') return quality;
  const { kind, upstream, priceNames } = model;
  return { kind, prompt: copyOf(prompt), ...shape, quality, upstreamModel: upstream, priceNames, image, remixOf };
}

/** A text that was trimmed is a view of the whole, which may have been megabytes of white space. */
function copyOf(text: string): string {
  return Buffer.from(text).toString();
}

interface Part {
  readonly type: 'text' | 'image_url' | 'video_url';
  readonly value: unknown;
}

/** What the user said and showed; other roles are left out. */
function userParts(messages: readonly unknown[]): Part[] {
  const parts: Part[] = [];
  for (const message of messages) {
    const { role, content } = Object(message) as { role?: unknown; content?: unknown };
    if (role !== 'user') continue;
    if (typeof content === 'string') parts.push({ type: 'text', value: content });
    else if (Array.isArray(content)) parts.push(...content.flatMap(partOf));
  }
  return parts;
}

function partOf(block: unknown): Part[] {
  const { type, text, image_url, video_url } = Object(block) as Record<string, unknown>;
  if (type === 'text' && typeof text === 'string') return [{ type, value: text }];
  if (type === 'image_url') return [{ type, value: urlOf(image_url) }];
  return type === 'video_url' ? [{ type, value: urlOf(video_url) }] : [];
}

function urlOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null ? (value as JsonObject)['url'] : value;
}

function promptOf(parts: readonly Part[]): string {
  const texts = parts.filter((part) => part.type === 'text').map((part) => part.value as string);
  return texts.join('\n').trim();
}

function unsupportedField(body: JsonObject): MediaFault | null {
  for (const [name, value] of Object.entries(body)) {
    const what = UNSUPPORTED.find(([pattern]) => pattern.test(name))?.[1];
    if (what !== undefined && isMeant(value)) return { path: name, reason: `${what} cannot be had of these accounts` };
  }
  return null;
}

/** `watermark_free: false` and an empty list ask for nothing. */
function isMeant(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return value !== null && value !== false && value !== '';
}

/** One thing is made of at most one picture. */
function unsupportedCount({ n, image }: JsonObject, parts: readonly Part[]): MediaFault | null {
  if (n !== undefined && n !== null && n !== 1) return { path: 'n', reason: 'expected 1' };
  const pictures =
    parts.filter(({ type }) => type === 'image_url').length + (isMeant(image) && image !== undefined ? 1 : 0);
  return pictures > 1 ? { path: 'image', reason: 'one picture at most can be begun with' } : null;
}

/** The names of most models say size and length. */
function contradiction({ size, seconds }: JsonObject, model: MediaModel): MediaFault | null {
  if (model.open) return null;
  if (isMeant(size) && size !== undefined && size !== model.size)
    return { path: 'size', reason: `this model makes ${model.size}` };
  if (isMeant(seconds) && seconds !== undefined && Number(seconds) !== model.seconds)
    return {
      path: 'seconds',
      reason: `this model makes ${model.seconds === 0 ? 'pictures' : `${model.seconds} seconds`}`,
    };
  return null;
}

function unsupportedPart(parts: readonly Part[]): MediaFault | null {
  if (!parts.some((part) => part.type === 'video_url')) return null;
  return { path: 'messages.content.video_url', reason: 'a video as input cannot be had of these accounts' };
}

/** The id is no part of the prompt. */
function readRemix(
  body: JsonObject,
  written: string,
  model: MediaModel,
): { prompt: string; remixOf: string | null } | MediaFault {
  const named = body['remix_target_id'];
  const found = REMIX_IN_PROMPT.exec(written);
  const remixOf = isMeant(named) && named !== undefined ? named : (found?.[1] ?? null);
  if (remixOf === null) return { prompt: written.trim(), remixOf };
  if (typeof remixOf !== 'string' || !REMIX_ID.test(remixOf))
    return { path: 'remix_target_id', reason: 'is no id of a video' };
  if (model.kind === 'image') return { path: 'remix_target_id', reason: 'only a video can be remixed' };
  return { prompt: (found === null ? written : written.replace(found[0], '')).trim(), remixOf };
}

function readShape(body: JsonObject, model: MediaModel): { size: string; seconds: number } | MediaFault {
  if (!model.open) return { size: model.size, seconds: model.seconds };
  const seconds = Number(body['seconds'] ?? model.seconds);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > SECONDS_MAX)
    return { path: 'seconds', reason: `expected a whole number from 1 to ${SECONDS_MAX}` };
  const size = body['size'] ?? model.size;
  if (typeof size !== 'string' || !SIZE.test(size)) return { path: 'size', reason: 'expected pixels such as 1280x720' };
  return { size, seconds };
}

/** `auto` would be made at a price that nobody knows before. */
function readQuality({ quality }: JsonObject, { kind }: MediaModel): string | MediaFault {
  if (!isMeant(quality) || quality === undefined) return '';
  if (kind === 'video') return { path: 'quality', reason: 'a video has the quality of its model' };
  if (typeof quality === 'string' && QUALITIES.includes(quality)) return quality;
  return { path: 'quality', reason: `expected one of ${QUALITIES.join(', ')}` };
}
