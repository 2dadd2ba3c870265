/**
 * Gathers the facts of a request while the scanner walks it. The scanner knows the grammar, the collector knows what the places
 * mean, by the names that the protocol's shape gives; it is told of keys and values only inside containers whose context is not
 * PLAIN. Runs on every thread. Drawn with the names of Messages:
 *
 *   TOP ─┬─ model, stream, max_tokens
 *        ├─ metadata ─► METADATA ── user_id      (STREAM_OPTIONS, GENERATION likewise)
 *        ├─ system   ─► (text) or LIST ─► BLOCK ─┬─ text, cache_control
 *        ├─ messages ─► COUNTED ─► BLOCK         └─ content ─► (text), LIST or BLOCK, any depth
 *        └─ tools    ─► COUNTED ─► BLOCK, of which only cache_control is looked at
 *
 * Of equal keys in one object the last counts, as in `JSON.parse`: a field's later value replaces the earlier one here, a
 * block's in `section.ts`.
 */

import { isCarriedAt } from './convert/carried-mark.ts';
import * as keys from './fact-keys.ts';
import type { Facts, FieldError } from './facts.ts';
import { positiveInteger } from './positive-integer.ts';
import type { RequestShape } from './request-shape.ts';
import * as shapes from './request-shape.ts';
import { Section } from './section.ts';
import { ABSENT, GOOD, TextField, WRONG } from './text-field.ts';

/** Contexts of a container. PLAIN: nothing inside is a fact. */
export const PLAIN = 0;
export const TOP = 1;
const METADATA = 2;
const COUNTED = 3;
const LIST = 4;
const BLOCK = 5;
const STREAM_OPTIONS = 6;
const GENERATION = 7;

/** Kinds of scalars. */
export const STRING = 0;
export const NUMBER = 1;
export const TRUE = 2;
export const FALSE = 3;
export const NULL = 4;

/** UTF-8 bytes; usage records hold no more (`usage/record.ts`). */
const MODEL_BYTES_MAX = 128;
const NO_BYTES = new Uint8Array(0);

export class FactCollector {
  #bytes: Uint8Array = NO_BYTES;
  #shape: RequestShape = shapes.MESSAGES_SHAPE;
  readonly #system = new Section(shapes.MESSAGES_SHAPE.block);
  readonly #messages = new Section(shapes.MESSAGES_SHAPE.block);
  readonly #tools = new Section(shapes.TOOL_KEYS);
  #section = this.#system;
  #role = keys.ROLE_NONE;
  #topIsObject = false;
  #model = ABSENT;
  #modelStart = 0;
  #modelEnd = 0;
  #stream = ABSENT;
  #streamValue = false;
  #maxTokens = ABSENT;
  #maxTokensValue = 0;
  #candidates = 1;
  #messagesField = ABSENT;
  readonly #userId = new TextField();
  readonly #cacheKey = new TextField();
  readonly #previousId = new TextField();
  #streamOptions = ABSENT;
  #streamOptionsStart = 0;
  #streamOptionsEnd = 0;
  #includeUsage = false;
  #background = false;
  #carriesThinking = false;
  #toolsStart = -1;
  #toolsEnd = -1;

  /** Forgets everything and gets ready for another body. */
  reset(bytes: Uint8Array, shape: RequestShape): void {
    this.#bytes = bytes;
    this.#shape = shape;
    this.#system.blockKeys = this.#messages.blockKeys = shape.block;
    this.#system.clear();
    this.#messages.clear();
    this.#tools.clear();
    this.#topIsObject = false;
    this.#model = this.#stream = this.#maxTokens = this.#messagesField = this.#streamOptions = ABSENT;
    this.#userId.state = this.#cacheKey.state = this.#previousId.state = ABSENT;
    this.#includeUsage = this.#background = this.#carriesThinking = false;
    this.#candidates = 1;
    this.#toolsStart = this.#toolsEnd = -1;
  }

  /** The body's outermost container begins; returns its context. */
  top(isObject: boolean): number {
    this.#topIsObject = isObject;
    return isObject ? TOP : PLAIN;
  }

  /** A key whose raw bytes are [start, end) in an object of this context; its value comes next. */
  key(context: number, start: number, end: number): void {
    if (context === BLOCK) {
      this.#role = keys.roleOf(this.#section.blockKeys, this.#bytes, start, end);
      if (this.#role !== keys.ROLE_NONE) this.#section.takeBack(this.#role);
    } else if (context === TOP) {
      this.#role = keys.roleOf(this.#shape.top, this.#bytes, start, end);
      this.#beginField(this.#role);
    } else this.#role = keys.roleOf(nestedKeys(context), this.#bytes, start, end);
  }

  /** A scalar in a container of this context: raw bytes [start, end), of a string those between the quotes. */
  scalar(context: number, kind: number, start: number, end: number): void {
    if (context === BLOCK) {
      if (kind === STRING) this.#blockString(start, end);
    } else if (context === TOP) this.#fieldScalar(kind, start, end);
    else if (context === COUNTED) {
      this.#section.elements++;
      if (kind === STRING && this.#shape.contentElements) this.#section.addText(start, end);
    } else this.#nestedScalar(kind, start, end);
  }

  #blockString(start: number, end: number): void {
    if (this.#role !== keys.ROLE_SIGNATURE) this.#section.blockString(this.#role, start, end);
    else if (isCarriedAt(this.#bytes, start, end)) this.#carriesThinking = true;
  }

  #nestedScalar(kind: number, start: number, end: number): void {
    if (this.#role === keys.ROLE_USER_ID) setText(this.#userId, kind, start, end);
    else if (this.#role === keys.ROLE_INCLUDE_USAGE) this.#includeUsage = kind === TRUE;
    else if (this.#role === keys.ROLE_MAX_TOKENS) this.#limitScalar(kind, start, end);
    else if (this.#role === keys.ROLE_CANDIDATES && kind === NUMBER) {
      this.#candidates = Math.max(1, positiveInteger(this.#bytes, start, end));
    }
  }

  /** A container begins at `start` in one of this context; returns the new one's context. */
  open(context: number, isObject: boolean, start: number): number {
    if (context === TOP) return this.#openField(isObject, start);
    if (context === METADATA || context === STREAM_OPTIONS || context === GENERATION) {
      if (this.#role === keys.ROLE_USER_ID) this.#userId.state = WRONG;
      else if (this.#role === keys.ROLE_MAX_TOKENS) this.#maxTokens = WRONG;
      return PLAIN;
    }
    if (context === COUNTED) this.#section.elements++;
    if (context === BLOCK && !this.#section.openValue(this.#role, isObject, start)) return PLAIN;
    if (isObject) this.#section.openBlock();
    return isObject ? BLOCK : LIST;
  }

  /** The container of this context ends before `end`; it stood in one of context `parent`. */
  close(context: number, parent: number, end: number): void {
    if (context === BLOCK) this.#section.closeBlock();
    else if (context === STREAM_OPTIONS) this.#streamOptionsEnd = end;
    else if (parent === TOP && context === COUNTED && this.#section === this.#tools) this.#toolsEnd = end;
    // Only a content's container has a context of its own inside a block.
    if (parent === BLOCK) this.#section.closeContent(end);
  }

  /** The facts of the body that has been walked to its end. Lets go of the body. */
  finish(): Facts {
    const model = this.#decodeModel();
    const maxTokens = this.#maxTokens === GOOD ? this.#maxTokensValue : null;
    const facts: Facts = {
      model,
      modelStart: model === null ? -1 : this.#modelStart - 1,
      modelEnd: model === null ? -1 : this.#modelEnd + 1,
      stream: this.#stream === GOOD && this.#streamValue,
      maxTokens,
      candidates: this.#candidates,
      userId: this.#userId.decode(this.#bytes),
      cacheKey: this.#cacheKey.decode(this.#bytes),
      previousId: this.#previousId.decode(this.#bytes),
      background: this.#background,
      includeUsage: this.#includeUsage,
      streamOptionsStart: this.#streamOptions === ABSENT ? -1 : this.#streamOptionsStart,
      streamOptionsEnd: this.#streamOptions === ABSENT ? -1 : this.#streamOptionsEnd,
      systemSpans: this.#system.spans.toArray(),
      messageSpans: this.#messages.spans.toArray(),
      textBytes: this.#system.textBytes + this.#messages.textBytes,
      cacheMarkers: this.#system.cacheMarkers + this.#messages.cacheMarkers + this.#tools.cacheMarkers,
      toolsCount: this.#tools.elements,
      toolsStart: this.#toolsStart,
      toolsEnd: this.#toolsStart < 0 ? -1 : this.#toolsEnd,
      messagesCount: this.#messages.elements,
      carriesThinking: this.#carriesThinking,
      fieldError: this.#fieldError(model),
    };
    this.#bytes = NO_BYTES;
    return facts;
  }

  #decodeModel(): string | null {
    // Six raw bytes (`\u00XX`) are the most that one byte takes.
    if (this.#model !== GOOD || this.#modelEnd - this.#modelStart > MODEL_BYTES_MAX * 6) return null;
    const model = keys.decodeString(this.#bytes, this.#modelStart, this.#modelEnd);
    return model === '' || model.includes('\0') || Buffer.byteLength(model) > MODEL_BYTES_MAX ? null : model;
  }

  /** The first wrong field in a fixed order, whatever their order in the body. */
  #fieldError(model: string | null): FieldError | null {
    if (!this.#topIsObject) return { path: 'body', expected: 'an object' };
    const shape = this.#shape;
    if (model === null && shape.modelInBody) {
      return { path: 'model', expected: `a string of 1 to ${MODEL_BYTES_MAX} bytes without NUL` };
    }
    const contentWrong = this.#messagesField === WRONG || (shape.contentRequired && this.#messagesField === ABSENT);
    if (contentWrong) return { path: shape.contentPath, expected: shape.contentExpected };
    if (this.#maxTokens === WRONG) return { path: shape.limitPath, expected: 'a positive integer' };
    if (this.#stream === WRONG) return { path: 'stream', expected: 'a boolean' };
    if (this.#streamOptions === WRONG) return { path: 'stream_options', expected: 'an object or null' };
    return (
      this.#userId.error('metadata.user_id') ??
      this.#cacheKey.error('prompt_cache_key') ??
      this.#previousId.error('previous_response_id')
    );
  }

  #sectionOf(role: number): Section | null {
    if (role === keys.ROLE_SYSTEM) return this.#system;
    if (role === keys.ROLE_MESSAGES) return this.#messages;
    return role === keys.ROLE_TOOLS ? this.#tools : null;
  }

  #beginField(role: number): void {
    if (role === keys.ROLE_METADATA) this.#userId.state = ABSENT;
    else if (role === keys.ROLE_STREAM_OPTIONS) this.#includeUsage = false;
    else if (role === keys.ROLE_GENERATION) {
      this.#maxTokens = ABSENT;
      this.#candidates = 1;
    }
    const section = this.#sectionOf(role);
    if (section === null) return;
    this.#section = section;
    section.clear();
  }

  #fieldScalar(kind: number, start: number, end: number): void {
    switch (this.#role) {
      case keys.ROLE_MODEL:
        this.#model = kind === STRING ? GOOD : WRONG;
        this.#modelStart = start;
        this.#modelEnd = end;
        return;
      case keys.ROLE_STREAM:
        this.#stream = kind === TRUE || kind === FALSE ? GOOD : this.#absentOrWrong(kind);
        this.#streamValue = kind === TRUE;
        return;
      case keys.ROLE_MAX_TOKENS:
        return this.#limitScalar(kind, start, end);
      case keys.ROLE_MESSAGES:
        return this.#contentScalar(kind, start, end);
      case keys.ROLE_BACKGROUND:
        this.#background = kind === TRUE;
        return;
      case keys.ROLE_CACHE_KEY:
      case keys.ROLE_PREVIOUS_ID:
        return setText(this.#text(this.#role), kind, start, end);
      case keys.ROLE_STREAM_OPTIONS:
        this.#streamOptions = kind === NULL ? GOOD : WRONG;
        this.#streamOptionsStart = start;
        this.#streamOptionsEnd = end;
        return;
      case keys.ROLE_SYSTEM:
        if (kind === STRING) this.#section.addText(start, end);
    }
  }

  #contentScalar(kind: number, start: number, end: number): void {
    const { contentText, contentRequired } = this.#shape;
    if (contentText && kind === STRING) {
      this.#messagesField = GOOD;
      this.#section.elements++;
      this.#section.addText(start, end);
    } else this.#messagesField = kind === NULL && !contentRequired ? ABSENT : WRONG;
  }

  #limitScalar(kind: number, start: number, end: number): void {
    this.#maxTokensValue = kind === NUMBER ? positiveInteger(this.#bytes, start, end) : 0;
    this.#maxTokens = this.#maxTokensValue > 0 ? GOOD : this.#absentOrWrong(kind);
  }

  #absentOrWrong(kind: number): number {
    return kind === NULL && this.#shape.nullable ? ABSENT : WRONG;
  }

  #openField(isObject: boolean, start: number): number {
    switch (this.#role) {
      case keys.ROLE_MODEL:
        this.#model = WRONG;
        return PLAIN;
      case keys.ROLE_STREAM:
        this.#stream = WRONG;
        return PLAIN;
      case keys.ROLE_MAX_TOKENS:
        this.#maxTokens = WRONG;
        return PLAIN;
      case keys.ROLE_METADATA:
        return isObject ? METADATA : PLAIN;
      case keys.ROLE_GENERATION:
        return isObject ? GENERATION : PLAIN;
      case keys.ROLE_ENVELOPE:
        return isObject ? TOP : PLAIN;
      case keys.ROLE_STREAM_OPTIONS:
        this.#streamOptions = isObject ? GOOD : WRONG;
        this.#streamOptionsStart = start;
        return isObject ? STREAM_OPTIONS : PLAIN;
      case keys.ROLE_CACHE_KEY:
      case keys.ROLE_PREVIOUS_ID:
        this.#text(this.#role).state = WRONG;
        return PLAIN;
      case keys.ROLE_MESSAGES:
        return this.#openContent(isObject);
      case keys.ROLE_TOOLS:
        this.#toolsStart = isObject ? -1 : start;
        return isObject ? PLAIN : COUNTED;
      case keys.ROLE_SYSTEM:
        if (!isObject) return LIST;
        return this.#shape.systemObject ? this.#openBlock() : PLAIN;
      default:
        return PLAIN;
    }
  }

  #text(role: number): TextField {
    return role === keys.ROLE_CACHE_KEY ? this.#cacheKey : this.#previousId;
  }

  #openContent(isObject: boolean): number {
    this.#messagesField = isObject && !this.#shape.contentObject ? WRONG : GOOD;
    if (!isObject) return COUNTED;
    if (this.#messagesField === WRONG) return PLAIN;
    this.#section.elements++;
    return this.#openBlock();
  }

  #openBlock(): number {
    this.#section.openBlock();
    return BLOCK;
  }
}

function nestedKeys(context: number): keys.Keys {
  if (context === METADATA) return shapes.METADATA_KEYS;
  return context === STREAM_OPTIONS ? shapes.STREAM_OPTIONS_KEYS : shapes.GENERATION_KEYS;
}

function setText(field: TextField, kind: number, start: number, end: number): void {
  if (kind === STRING) field.setString(start, end);
  else field.state = kind === NULL ? ABSENT : WRONG;
}
