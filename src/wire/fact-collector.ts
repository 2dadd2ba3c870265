/**
 * Gathers the facts of a Messages request while the scanner walks it. The scanner knows the grammar, the collector knows what
 * the places mean; it is told of keys and values only inside containers whose context is not PLAIN. Runs on every thread.
 *
 *   TOP ─┬─ model, stream, max_tokens
 *        ├─ metadata ─► METADATA ── user_id
 *        ├─ system   ─► (text) or LIST ─► BLOCK ─┬─ text, cache_control
 *        ├─ messages ─► COUNTED ─► BLOCK         └─ content ─► (text), LIST or BLOCK, any depth
 *        └─ tools    ─► COUNTED ─► BLOCK, of which only cache_control is looked at
 *
 * Of equal keys in one object the last counts, as in `JSON.parse`: a field's later value replaces the earlier one here, a
 * block's in `section.ts`.
 */

import * as keys from './fact-keys.ts';
import type { Facts, FieldError } from './facts.ts';
import { Section } from './section.ts';

/** Contexts of a container. PLAIN: nothing inside is a fact. */
export const PLAIN = 0;
export const TOP = 1;
const METADATA = 2;
const COUNTED = 3;
const LIST = 4;
const BLOCK = 5;

/** Kinds of scalars. */
export const STRING = 0;
export const NUMBER = 1;
export const TRUE = 2;
export const FALSE = 3;
export const NULL = 4;

/** UTF-8 bytes; usage records hold no more (`usage/record.ts`). */
const MODEL_BYTES_MAX = 128;
/** Raw bytes; Claude Code sends about 200, the vendor takes 256 characters. */
const USER_ID_BYTES_MAX = 4096;
/** Raw bytes of a `max_tokens` that is read; no double needs more than 25. */
const NUMBER_BYTES_MAX = 64;

/** States of a field. */
const ABSENT = 0;
const GOOD = 1;
const WRONG = 2;

export class FactCollector {
  #bytes: Uint8Array = new Uint8Array(0);
  readonly #system = new Section(keys.BLOCK_KEYS);
  readonly #messages = new Section(keys.BLOCK_KEYS);
  readonly #tools = new Section(keys.TOOL_KEYS);
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
  #messagesField = ABSENT;
  #userId = ABSENT;
  #userIdStart = 0;
  #userIdEnd = 0;

  /** Forgets everything and gets ready for another body. */
  reset(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#system.clear();
    this.#messages.clear();
    this.#tools.clear();
    this.#topIsObject = false;
    this.#model = this.#stream = this.#maxTokens = this.#messagesField = this.#userId = ABSENT;
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
      this.#role = keys.roleOf(keys.TOP_KEYS, this.#bytes, start, end);
      this.#beginField(this.#role);
    } else {
      this.#role = keys.roleOf(keys.METADATA_KEYS, this.#bytes, start, end);
    }
  }

  /** A scalar in a container of this context: raw bytes [start, end), of a string those between the quotes. */
  scalar(context: number, kind: number, start: number, end: number): void {
    if (context === BLOCK) {
      if (kind === STRING) this.#section.blockString(this.#role, start, end);
    } else if (context === TOP) this.#fieldScalar(kind, start, end);
    else if (context === COUNTED) this.#section.elements++;
    else if (context === METADATA && this.#role === keys.ROLE_USER_ID) this.#userIdScalar(kind, start, end);
  }

  /** A container begins at `start` in one of this context; returns the new one's context. */
  open(context: number, isObject: boolean, start: number): number {
    if (context === TOP) return this.#openField(isObject);
    if (context === METADATA) {
      if (this.#role === keys.ROLE_USER_ID) this.#userId = WRONG;
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
      userId: this.#userId === GOOD ? keys.decodeString(this.#bytes, this.#userIdStart, this.#userIdEnd) : null,
      systemSpans: this.#system.spans.toArray(),
      messageSpans: this.#messages.spans.toArray(),
      textBytes: this.#system.textBytes + this.#messages.textBytes,
      cacheMarkers: this.#system.cacheMarkers + this.#messages.cacheMarkers + this.#tools.cacheMarkers,
      toolsCount: this.#tools.elements,
      messagesCount: this.#messages.elements,
      fieldError: this.#fieldError(model),
    };
    this.#bytes = new Uint8Array(0);
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
    if (model === null) return { path: 'model', expected: `a string of 1 to ${MODEL_BYTES_MAX} bytes without NUL` };
    if (this.#messagesField !== GOOD) return { path: 'messages', expected: 'an array' };
    if (this.#maxTokens === WRONG) return { path: 'max_tokens', expected: 'a positive integer' };
    if (this.#stream === WRONG) return { path: 'stream', expected: 'a boolean' };
    if (this.#userId !== WRONG) return null;
    return { path: 'metadata.user_id', expected: `a string of at most ${USER_ID_BYTES_MAX} bytes or null` };
  }

  #sectionOf(role: number): Section | null {
    if (role === keys.ROLE_SYSTEM) return this.#system;
    if (role === keys.ROLE_MESSAGES) return this.#messages;
    return role === keys.ROLE_TOOLS ? this.#tools : null;
  }

  #beginField(role: number): void {
    if (role === keys.ROLE_METADATA) this.#userId = ABSENT;
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
        this.#stream = kind === TRUE || kind === FALSE ? GOOD : WRONG;
        this.#streamValue = kind === TRUE;
        return;
      case keys.ROLE_MAX_TOKENS:
        this.#maxTokensValue = kind === NUMBER ? this.#positiveInteger(start, end) : 0;
        this.#maxTokens = this.#maxTokensValue > 0 ? GOOD : WRONG;
        return;
      case keys.ROLE_MESSAGES:
        this.#messagesField = WRONG;
        return;
      case keys.ROLE_SYSTEM:
        if (kind === STRING) this.#section.addText(start, end);
    }
  }

  /** Value of the number at [start, end), 0 when it is not a positive integer that a double holds exactly. */
  #positiveInteger(start: number, end: number): number {
    if (end - start > NUMBER_BYTES_MAX) return 0;
    const bytes = this.#bytes;
    const value = Number(Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1'));
    return Number.isSafeInteger(value) && value > 0 ? value : 0;
  }

  #userIdScalar(kind: number, start: number, end: number): void {
    this.#userIdStart = start;
    this.#userIdEnd = end;
    if (kind === NULL) this.#userId = ABSENT;
    else this.#userId = kind === STRING && end - start <= USER_ID_BYTES_MAX ? GOOD : WRONG;
  }

  #openField(isObject: boolean): number {
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
      case keys.ROLE_MESSAGES:
        this.#messagesField = isObject ? WRONG : GOOD;
        return isObject ? PLAIN : COUNTED;
      case keys.ROLE_TOOLS:
        return isObject ? PLAIN : COUNTED;
      case keys.ROLE_SYSTEM:
        return isObject ? PLAIN : LIST;
      default:
        return PLAIN;
    }
  }
}
