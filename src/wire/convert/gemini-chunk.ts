/**
 * What Gemini answers are made of, for clients that speak it: one object is a whole JSON answer, or one of the chunks of a stream.
 * Pure.
 *
 *   response = { candidates: [ { content: { role: "model", parts }, finishReason?, index: 0 } ], usageMetadata?, modelVersion,
 *                responseId }
 *   sse      = *( "data: " response CR LF CR LF )       on one line, without event names and without [DONE]; ends with the connection
 *   array    = "[" response *( "," CR LF response ) "]" the edge puts these together from the same objects (`arrayText`)
 *
 * Source: ai.google.dev/api/generate-content#GenerateContentResponse; the framing is what Google's clients were seen to take.
 */
import type { AnswerContext, JsonObject } from './crossing.ts';
import { isShallow } from './gemini-fields.ts';
import { parseObject } from './json.ts';

export interface Ending {
  /** Null: the answer goes on. */
  readonly finishReason: string | null;
  /** Null: not known yet. */
  readonly usage: JsonObject | null;
}

export const GOES_ON: Ending = Object.freeze({ finishReason: null, usage: null });

/** Google's clients take a content without parts for a broken one, and Google ends its own streams with an empty text. */
const NO_PARTS: readonly JsonObject[] = [{ text: '' }];

/** `id`: of the upstream's answer, '' where it gave none. */
export function geminiResponse(
  parts: readonly JsonObject[],
  ending: Ending,
  id: string,
  context: AnswerContext,
): JsonObject {
  const { finishReason, usage } = ending;
  const content = { role: 'model', parts: parts.length === 0 ? NO_PARTS : parts };
  return {
    candidates: [{ content, ...(finishReason !== null && { finishReason }), index: 0 }],
    ...(usage !== null && { usageMetadata: usage }),
    modelVersion: context.model,
    responseId: id === '' ? context.requestId : id,
  };
}

/** One chunk of the SSE form. */
export function sseChunk(chunk: JsonObject): string {
  return `data: ${JSON.stringify(chunk)}\r\n\r\n`;
}

const SSE_HEAD = 'data: ';
const SSE_TAIL = '\r\n\r\n';

/**
 * Turns what a Gemini client's stream converter gave (whole SSE chunks) into the same chunks of the array form. `isFirst`: nothing of the
 * array has been sent. The edge closes it with `]` when the answer has properly ended, and with `[]` when it had no chunk.
 */
export function arrayText(sse: string, isFirst: boolean): string {
  let text = '';
  let first = isFirst;
  for (let at = 0; at < sse.length; ) {
    const end = sse.indexOf(SSE_TAIL, at);
    if (end < 0) break;
    text += (first ? '[' : ',\r\n') + sse.slice(at + SSE_HEAD.length, end);
    first = false;
    at = end + SSE_TAIL.length;
  }
  return text;
}

/** The arguments of a call that came as text. Null: they are no JSON object. No text at all is a call without arguments. */
export function callArguments(text: string): JsonObject | null {
  if (text.trim() === '') return {};
  const parsed = parseObject(text);
  return isShallow(parsed) ? parsed : null;
}
