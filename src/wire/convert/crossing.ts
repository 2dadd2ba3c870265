/**
 * What a crossing is: a client speaks one protocol, the account that serves it another, and documents are turned from one directly
 * into the other. Shapes only; one file a direction and kind beside this one (`messages-to-chat-request.ts` turns requests,
 * `chat-to-messages-answer.ts` and `chat-to-messages-stream.ts` turn what comes back). Pure; runs on front threads.
 *
 *   client ──A──► request A→B ──B──► upstream ──B──► answer or stream B→A ──A──► client
 *
 * What B cannot express is refused with the field's path, or, where the answer means the same without it, left out and named in
 * `dropped`. Nothing that changes what the client asked for disappears silently.
 */

/** The protocols that documents are turned between. */
export type Protocol = 'messages' | 'chat' | 'responses' | 'gemini';

export type JsonObject = { [field: string]: unknown };

export interface RequestContext {
  /** The model's name at the upstream. */
  readonly model: string;
  /** Whether the client wants a stream; Gemini requests do not say so in their body. */
  readonly stream: boolean;
  /** For protocols that require a limit where the client gave none (Messages' `max_tokens`). */
  readonly maxTokensDefault: number;
}

/** What stands in the way of a crossing. The client gets 400 with path and reason; nothing is sent. */
export interface Unsupported {
  /** Dotted path in the client's body: `messages.3.content.0`. */
  readonly path: string;
  /** Words that complete "cannot be served": `audio input has no counterpart in the Messages protocol`. */
  readonly reason: string;
}

export type RequestResult =
  | { readonly body: JsonObject; readonly dropped: readonly string[]; readonly unsupported: null }
  | { readonly body: null; readonly dropped: readonly string[]; readonly unsupported: Unsupported };

export interface AnswerContext {
  /** Unique, letters and digits and dashes: ids that the upstream did not give are made of it. */
  readonly requestId: string;
  /** The model's name as the client wrote it. */
  readonly model: string;
  readonly createdAtSeconds: number;
  /** Chat clients: the stream ends with a chunk of usage only when it was asked for. */
  readonly includeUsage: boolean;
}

/** An error needs no more of it, and may come when the request has been given up. */
export type ErrorContext = Pick<AnswerContext, 'requestId'>;

/**
 * What has come of a stream. `whole`: its last event has been said; `failed`: an error has, behind which nothing is said any more. One
 * whose upstream has ended and that is neither is no whole answer, whatever its upstream's last words were.
 */
export type StreamOutcome = 'open' | 'whole' | 'failed';

/**
 * Turns one stream. Never throws, whatever the upstream sends: what it does not know it leaves out. The text it returns is whole
 * server-sent events of the client's protocol, '' when there is nothing to say yet.
 */
export interface StreamConverter {
  readonly outcome: StreamOutcome;
  /** One event of the upstream: its `event:` name ('' when it had none) and its parsed `data`. */
  event(name: string, data: JsonObject): string;
  /**
   * The upstream has ended its answer properly; `[DONE]` of Chat is told here, not as an event. An answer that broke off never gets
   * here: the gateway ends it with an error.
   */
  end(): string;
  /**
   * About how many characters it keeps between events (`json-chars.ts`), 0 once it has said its last one. It has no bound of its own for
   * most of them: whoever runs it looks here after each chunk.
   */
  readonly heldChars: number;
}

export interface Crossing {
  readonly client: Protocol;
  readonly upstream: Protocol;
  request(body: JsonObject, context: RequestContext): RequestResult;
  /** A whole answer of status 2xx. */
  answer(body: JsonObject, context: AnswerContext): JsonObject;
  stream(context: AnswerContext): StreamConverter;
  /** The JSON body of an answer that is an error; null: it was no JSON. */
  error(status: number, body: JsonObject | null, context: ErrorContext): JsonObject;
}
