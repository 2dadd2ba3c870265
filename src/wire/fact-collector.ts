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
 * Of equal keys in one object the last counts, as in `JSON.parse`: when a key comes again, all that its earlier value gave is
 * taken back (a block's frame below says what and from where). Each removal steps over the block's own later texts only, and
 * those texts then stand in front: the work stays linear in the size of the body.
 */
import type { FieldError, Facts } from './facts.ts';
import * as keys from './fact-keys.ts';
import { SpanList } from './span-list.ts';

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

/*
 * Frame of an open block, in cells of one Int32Array that holds the stack of them: what each key's value has given so far.
 * `contentBytes` and `contentMarkers` are the section's sums before the content while it is open, its own share afterwards.
 */
const TEXT_START = 0; // -1: no text
const TEXT_END = 1;
const CONTENT_START = 2; // -1: no content that could have given anything
const CONTENT_END = 3;
const CONTENT_BYTES = 4;
const CONTENT_MARKERS = 5;
const MARKERS = 6; // 1: its cache_control is an object
const FRAME_CELLS = 7;

/** What one of system, messages and tools has given. */
class Section {
  readonly spans = new SpanList();
  textBytes = 0;
  cacheMarkers = 0;
  elements = 0;

  clear(): void {
    this.spans.clear();
    this.textBytes = 0;
    this.cacheMarkers = 0;
    this.elements = 0;
  }
}

export class FactCollector {
  #bytes = new Uint8Array(0);
  readonly #system = new Section();
  readonly #messages = new Section();
  readonly #tools = new Section();
  #section = this.#system;
  #role = keys.ROLE_NONE;
  #frames = new Int32Array(8 * FRAME_CELLS);
  /** First cell of the innermost open block; negative when none is open. */
  #frame = -FRAME_CELLS;
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
    this.#frame = -FRAME_CELLS;
    this.#topIsObject = false;
    this.#model = this.#stream = this.#maxTokens = this.#messagesField = this.#userId = ABSENT;
  }

  /** The body's outermost container begins; returns its context. */
  top(isObject: boolean): number {
    this.#topIsObject = isObject;
    return isObject ? TOP : PLAIN;
  }

  /** A key whose raw bytes are [start, end) in an object of this context; its value comes next. */
  key(context: number, start: number, end: number, escaped: boolean): void {
    if (context === BLOCK) {
      const known = this.#section === this.#tools ? keys.TOOL_KEYS : keys.BLOCK_KEYS;
      this.#role = keys.roleOf(known, this.#bytes, start, end, escaped);
      this.#takeBack(this.#role);
    } else if (context === TOP) {
      this.#role = keys.roleOf(keys.TOP_KEYS, this.#bytes, start, end, escaped);
      this.#beginField(this.#role);
    } else {
      this.#role = keys.roleOf(keys.METADATA_KEYS, this.#bytes, start, end, escaped);
    }
  }

  /** A scalar in a container of this context: raw bytes [start, end), of a string those between the quotes. */
  scalar(context: number, kind: number, start: number, end: number): void {
    if (context === BLOCK) this.#blockScalar(kind, start, end);
    else if (context === TOP) this.#fieldScalar(kind, start, end);
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
    if (context === BLOCK && !this.#opensContent(isObject, start)) return PLAIN;
    if (isObject) this.#pushFrame();
    return isObject ? BLOCK : LIST;
  }

  /** The container of this context ends before `end`; it stood in one of context `parent`. */
  close(context: number, parent: number, end: number): void {
    if (context === BLOCK) this.#frame -= FRAME_CELLS;
    if (parent !== BLOCK) return;
    // Only a content's container has a context of its own inside a block.
    const { textBytes, cacheMarkers } = this.#section;
    this.#frames[this.#frame + CONTENT_END] = end;
    this.#frames[this.#frame + CONTENT_BYTES] = textBytes - this.#frames[this.#frame + CONTENT_BYTES]!;
    this.#frames[this.#frame + CONTENT_MARKERS] = cacheMarkers - this.#frames[this.#frame + CONTENT_MARKERS]!;
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
        if (kind === STRING) this.#addText(start, end);
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

  #addText(start: number, end: number): void {
    if (start === end) return;
    this.#section.spans.push(start, end);
    this.#section.textBytes += end - start;
  }

  #pushFrame(): void {
    this.#frame += FRAME_CELLS;
    if (this.#frame === this.#frames.length) {
      const grown = new Int32Array(this.#frames.length * 2);
      grown.set(this.#frames);
      this.#frames = grown;
    }
    this.#frames[this.#frame + TEXT_START] = -1;
    this.#frames[this.#frame + CONTENT_START] = -1;
    this.#frames[this.#frame + MARKERS] = 0;
  }

  #blockScalar(kind: number, start: number, end: number): void {
    if (kind !== STRING || (this.#role !== keys.ROLE_TEXT && this.#role !== keys.ROLE_CONTENT)) return;
    this.#addText(start, end);
    const cells = this.#frames;
    if (this.#role === keys.ROLE_TEXT) {
      cells[this.#frame + TEXT_START] = start;
      cells[this.#frame + TEXT_END] = end;
    } else {
      cells[this.#frame + CONTENT_START] = start;
      cells[this.#frame + CONTENT_END] = end;
      cells[this.#frame + CONTENT_BYTES] = end - start;
      cells[this.#frame + CONTENT_MARKERS] = 0;
    }
  }

  /** A container begins as the value of a block's key; whether it is the content, whose inside has facts again. */
  #opensContent(isObject: boolean, start: number): boolean {
    if (this.#role === keys.ROLE_CACHE_CONTROL && isObject) {
      this.#frames[this.#frame + MARKERS] = 1;
      this.#section.cacheMarkers++;
    }
    if (this.#role !== keys.ROLE_CONTENT) return false;
    this.#frames[this.#frame + CONTENT_START] = start;
    this.#frames[this.#frame + CONTENT_BYTES] = this.#section.textBytes;
    this.#frames[this.#frame + CONTENT_MARKERS] = this.#section.cacheMarkers;
    return true;
  }

  /** A block's key begins: what its earlier value has given does not count any more. */
  #takeBack(role: number): void {
    const cells = this.#frames;
    const frame = this.#frame;
    const section = this.#section;
    if (role === keys.ROLE_TEXT && cells[frame + TEXT_START]! >= 0) {
      section.textBytes -= cells[frame + TEXT_END]! - cells[frame + TEXT_START]!;
      section.spans.removeWithin(cells[frame + TEXT_START]!, cells[frame + TEXT_END]!);
      cells[frame + TEXT_START] = -1;
    } else if (role === keys.ROLE_CONTENT && cells[frame + CONTENT_START]! >= 0) {
      section.textBytes -= cells[frame + CONTENT_BYTES]!;
      section.cacheMarkers -= cells[frame + CONTENT_MARKERS]!;
      section.spans.removeWithin(cells[frame + CONTENT_START]!, cells[frame + CONTENT_END]!);
      cells[frame + CONTENT_START] = -1;
    } else if (role === keys.ROLE_CACHE_CONTROL) {
      section.cacheMarkers -= cells[frame + MARKERS]!;
      cells[frame + MARKERS] = 0;
    }
  }
}
