/**
 * Which fields of a request are facts to the gateway, one shape a protocol. The scan is the same for all of them; a shape says by
 * which names it finds the model, the limit of output tokens, the texts. No state, runs on every thread.
 *
 *   part of a shape   Messages       Chat                      Responses                Gemini
 *   model             model          model                     model                    – (in the path)
 *   limit             max_tokens     max_(completion_)tokens   max_output_tokens        generationConfig.maxOutputTokens
 *   system            system         –                         instructions             systemInstruction
 *   content           messages       messages                  input (text or array)    contents
 *   session           metadata       prompt_cache_key          prompt_cache_key, previous_response_id
 *   signature         signature      –                         encrypted_content        thoughtSignature
 */
import {
  type Keys,
  keysOf,
  ROLE_BACKGROUND,
  ROLE_CACHE_CONTROL,
  ROLE_CACHE_KEY,
  ROLE_CANDIDATES,
  ROLE_CONTENT,
  ROLE_ENVELOPE,
  ROLE_GENERATION,
  ROLE_INCLUDE_USAGE,
  ROLE_MAX_TOKENS,
  ROLE_MESSAGES,
  ROLE_METADATA,
  ROLE_MODEL,
  ROLE_PREVIOUS_ID,
  ROLE_SIGNATURE,
  ROLE_STREAM,
  ROLE_STREAM_OPTIONS,
  ROLE_SYSTEM,
  ROLE_TEXT,
  ROLE_TOOLS,
  ROLE_USER_ID,
} from './fact-keys.ts';

export interface RequestShape {
  readonly top: Keys;
  /** Of the elements of content, of their blocks and of system. */
  readonly block: Keys;
  /** The name that a client is told when the content is wrong; which type it must have. */
  readonly contentPath: string;
  readonly contentExpected: string;
  /** A client must send content; without it the request cannot mean anything. */
  readonly contentRequired: boolean;
  /** Content may be one text, or one object instead of an array. */
  readonly contentText: boolean;
  readonly contentObject: boolean;
  /** Strings directly in the content's array are texts. */
  readonly contentElements: boolean;
  readonly systemObject: boolean;
  readonly limitPath: string;
  /** The body names the model. */
  readonly modelInBody: boolean;
  /** `null` is as good as absent for the stream flag and the limit. */
  readonly nullable: boolean;
}

/** Of the objects at the top whose members are facts. */
export const METADATA_KEYS = keysOf({ user_id: ROLE_USER_ID });
export const STREAM_OPTIONS_KEYS = keysOf({ include_usage: ROLE_INCLUDE_USAGE });
export const GENERATION_KEYS = keysOf({
  maxOutputTokens: ROLE_MAX_TOKENS,
  max_output_tokens: ROLE_MAX_TOKENS,
  candidateCount: ROLE_CANDIDATES,
  candidate_count: ROLE_CANDIDATES,
});

/** Where a request's cache markers are; only Messages has them. */
export const TOOL_KEYS = keysOf({ cache_control: ROLE_CACHE_CONTROL });

const OPENAI_TOP = {
  model: ROLE_MODEL,
  stream: ROLE_STREAM,
  tools: ROLE_TOOLS,
  prompt_cache_key: ROLE_CACHE_KEY,
} as const;

/** What most shapes have in common. */
const ARRAY = {
  contentExpected: 'an array',
  contentRequired: true,
  contentText: false,
  contentObject: false,
  contentElements: false,
  systemObject: false,
  limitPath: 'max_tokens',
  modelInBody: true,
  nullable: true,
} as const;

export const MESSAGES_SHAPE: RequestShape = Object.freeze({
  ...ARRAY,
  top: keysOf({
    model: ROLE_MODEL,
    stream: ROLE_STREAM,
    max_tokens: ROLE_MAX_TOKENS,
    metadata: ROLE_METADATA,
    system: ROLE_SYSTEM,
    messages: ROLE_MESSAGES,
    tools: ROLE_TOOLS,
  }),
  block: keysOf({
    text: ROLE_TEXT,
    content: ROLE_CONTENT,
    cache_control: ROLE_CACHE_CONTROL,
    signature: ROLE_SIGNATURE,
  }),
  contentPath: 'messages',
  nullable: false,
});

export const CHAT_SHAPE: RequestShape = Object.freeze({
  ...ARRAY,
  top: keysOf({
    ...OPENAI_TOP,
    max_tokens: ROLE_MAX_TOKENS,
    max_completion_tokens: ROLE_MAX_TOKENS,
    messages: ROLE_MESSAGES,
    stream_options: ROLE_STREAM_OPTIONS,
  }),
  block: keysOf({ text: ROLE_TEXT, content: ROLE_CONTENT }),
  contentPath: 'messages',
});

export const RESPONSES_SHAPE: RequestShape = Object.freeze({
  ...ARRAY,
  top: keysOf({
    ...OPENAI_TOP,
    max_output_tokens: ROLE_MAX_TOKENS,
    instructions: ROLE_SYSTEM,
    input: ROLE_MESSAGES,
    previous_response_id: ROLE_PREVIOUS_ID,
    background: ROLE_BACKGROUND,
  }),
  block: keysOf({
    text: ROLE_TEXT,
    content: ROLE_CONTENT,
    output: ROLE_CONTENT,
    arguments: ROLE_TEXT,
    encrypted_content: ROLE_SIGNATURE,
  }),
  contentPath: 'input',
  contentExpected: 'a string or an array',
  // A stored prompt may stand in for it.
  contentRequired: false,
  contentText: true,
  limitPath: 'max_output_tokens',
});

/** Legacy completions: a text, texts, or token numbers. */
export const COMPLETIONS_SHAPE: RequestShape = Object.freeze({
  ...ARRAY,
  top: keysOf({
    model: ROLE_MODEL,
    stream: ROLE_STREAM,
    max_tokens: ROLE_MAX_TOKENS,
    prompt: ROLE_MESSAGES,
    stream_options: ROLE_STREAM_OPTIONS,
  }),
  block: keysOf({ text: ROLE_TEXT }),
  contentPath: 'prompt',
  contentExpected: 'a string or an array',
  contentRequired: false,
  contentText: true,
  contentElements: true,
});

export const EMBEDDINGS_SHAPE: RequestShape = Object.freeze({
  ...ARRAY,
  top: keysOf({ model: ROLE_MODEL, input: ROLE_MESSAGES }),
  block: keysOf({ text: ROLE_TEXT }),
  contentPath: 'input',
  contentExpected: 'a string or an array',
  contentText: true,
  contentElements: true,
});

const GEMINI_BLOCK = keysOf({
  text: ROLE_TEXT,
  parts: ROLE_CONTENT,
  content: ROLE_CONTENT,
  thoughtSignature: ROLE_SIGNATURE,
  thought_signature: ROLE_SIGNATURE,
});

const GEMINI_TOP = {
  contents: ROLE_MESSAGES,
  systemInstruction: ROLE_SYSTEM,
  system_instruction: ROLE_SYSTEM,
  generationConfig: ROLE_GENERATION,
  generation_config: ROLE_GENERATION,
  tools: ROLE_TOOLS,
} as const;

export const GEMINI_SHAPE: RequestShape = Object.freeze({
  ...ARRAY,
  top: keysOf(GEMINI_TOP),
  block: GEMINI_BLOCK,
  contentPath: 'contents',
  // The API takes one content, or one text, for the array around it.
  contentText: true,
  contentObject: true,
  systemObject: true,
  limitPath: 'generationConfig.maxOutputTokens',
  modelInBody: false,
});

/** countTokens takes `contents` or a whole `generateContentRequest`. */
export const GEMINI_COUNT_SHAPE: RequestShape = Object.freeze({
  ...GEMINI_SHAPE,
  top: keysOf({
    ...GEMINI_TOP,
    generateContentRequest: ROLE_ENVELOPE,
    generate_content_request: ROLE_ENVELOPE,
  }),
  contentRequired: false,
});

export const GEMINI_EMBED_SHAPE: RequestShape = Object.freeze({
  ...GEMINI_SHAPE,
  top: keysOf({ content: ROLE_MESSAGES }),
  contentPath: 'content',
  contentExpected: 'an object',
});

/** Each of them has one `content`. */
export const GEMINI_BATCH_EMBED_SHAPE: RequestShape = Object.freeze({
  ...GEMINI_SHAPE,
  top: keysOf({ requests: ROLE_MESSAGES }),
  contentPath: 'requests',
  contentText: false,
  contentObject: false,
});
