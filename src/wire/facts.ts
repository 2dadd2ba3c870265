/**
 * What a gateway needs to know of a request, as the scan hands it on: a few decoded values and byte ranges into the
 * body, which itself stays as it came. Shapes only; runs on every thread.
 */

/** A field that has the wrong type or is missing: the lifecycle answers 400 with `path: expected …`. */
export interface FieldError {
  /** Dotted path from the top of the body, `metadata.user_id` say; `body` when the body itself is not an object. */
  readonly path: string;
  /** What belongs there, as words that complete "expected": `a boolean`. */
  readonly expected: string;
}

export interface Facts {
  /** Decoded; null when it is missing or of the wrong type (`fieldError` then says so), or when the path names it. */
  readonly model: string | null;
  /** Byte range of the model's JSON string with its quotes; -1 when `model` is null. */
  readonly modelStart: number;
  readonly modelEnd: number;
  readonly stream: boolean;
  /** Tokens; null when absent (`count_tokens` has none) or wrong. */
  readonly maxTokens: number | null;
  /** Gemini: `generationConfig.candidateCount`; 1 where it is absent or wrong. */
  readonly candidates: number;
  /** Messages: `metadata.user_id`, decoded. */
  readonly userId: string | null;
  /** OpenAI: `prompt_cache_key`, decoded. */
  readonly cacheKey: string | null;
  /** Responses: `previous_response_id`, decoded. */
  readonly previousId: string | null;
  /** Responses: `background` is true. */
  readonly background: boolean;
  /** Chat: `stream_options.include_usage` is true; and the byte range of the value of `stream_options`, -1 when it is absent. */
  readonly includeUsage: boolean;
  readonly streamOptionsStart: number;
  readonly streamOptionsEnd: number;
  /**
   * Byte ranges `start, end, start, end, …` of non-empty string contents, as they stand in the body (without quotes, escapes
   * not decoded): `system` itself, and `text` and string `content` of the blocks in `system` and `messages`, nested `content`
   * included. In order of position; a text beyond `TEXT_SPANS_MAX` of its section has no span, only its share of `textBytes`.
   */
  readonly systemSpans: Int32Array;
  readonly messageSpans: Int32Array;
  /** Bytes of all such texts, those without a span included. */
  readonly textBytes: number;
  /** `cache_control` objects on the blocks of system and messages (nested content included) and on tools. */
  readonly cacheMarkers: number;
  readonly toolsCount: number;
  /** Byte range of the array of tools, as JSON; -1 when there is none. */
  readonly toolsStart: number;
  readonly toolsEnd: number;
  readonly messagesCount: number;
  /** Thinking is among it that a crossing carried to the client (`convert/carried-mark.ts`). */
  readonly carriesThinking: boolean;
  readonly fieldError: FieldError | null;
}

/** The body is not JSON that `JSON.parse` would take, or is nested too deep. */
export interface ScanError {
  /** Offset of the first bad byte, from the start of the body; its length when the body ends too early. */
  readonly offset: number;
  /** A few words for the client, without any of its bytes. */
  readonly reason: string;
}

export function isScanError(result: Facts | ScanError): result is ScanError {
  return 'reason' in result;
}

/** Of a request without a body. */
export const NO_FACTS: Facts = Object.freeze({
  model: null,
  modelStart: -1,
  modelEnd: -1,
  stream: false,
  maxTokens: null,
  candidates: 1,
  userId: null,
  cacheKey: null,
  previousId: null,
  background: false,
  includeUsage: false,
  streamOptionsStart: -1,
  streamOptionsEnd: -1,
  systemSpans: new Int32Array(0),
  messageSpans: new Int32Array(0),
  textBytes: 0,
  cacheMarkers: 0,
  toolsCount: 0,
  toolsStart: -1,
  toolsEnd: -1,
  messagesCount: 0,
  carriesThinking: false,
  fieldError: null,
});
