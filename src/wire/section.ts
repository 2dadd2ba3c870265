/**
 * What one of `system`, `messages` and `tools` gives: text ranges, their bytes, cache markers, and the stack of its open
 * blocks. Filled by the fact collector; runs on every thread.
 *
 * Of equal keys in one block the last counts, as in `JSON.parse`: when a key comes again, all that its earlier value gave is
 * taken back. A block's frame remembers what and from where. A removal steps over the block's own later texts only, and the
 * new value's texts come behind those: the work stays linear in the size of the body.
 *
 *   frame  [ textStart | textEnd | contentStart | contentEnd | contentBytes | contentMarkers | markers ]   Int32, one a block
 */
import { type Keys, ROLE_CACHE_CONTROL, ROLE_CONTENT, ROLE_TEXT } from './fact-keys.ts';
import { SpanList } from './span-list.ts';

const TEXT_START = 0; // -1: no text
const TEXT_END = 1;
const CONTENT_START = 2; // -1: no content that could have given anything
const CONTENT_END = 3;
const CONTENT_BYTES = 4; // while the content is open: the section's sum before it; then its own share
const CONTENT_MARKERS = 5; // likewise
const MARKERS = 6; // 1: cache_control is an object
const FRAME_CELLS = 7;

export class Section {
  /** Keys of a block that mean something here. */
  blockKeys: Keys;
  readonly spans = new SpanList();
  textBytes = 0;
  cacheMarkers = 0;
  /** Elements of the section's own array. */
  elements = 0;
  #frames = new Int32Array(4 * FRAME_CELLS);
  /** First cell of the innermost open block; negative when none is open. */
  #frame = -FRAME_CELLS;

  constructor(blockKeys: Keys) {
    this.blockKeys = blockKeys;
  }

  clear(): void {
    this.spans.clear();
    this.textBytes = 0;
    this.cacheMarkers = 0;
    this.elements = 0;
    this.#frame = -FRAME_CELLS;
  }

  addText(start: number, end: number): void {
    if (start === end) return;
    this.spans.push(start, end);
    this.textBytes += end - start;
  }

  openBlock(): void {
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

  closeBlock(): void {
    this.#frame -= FRAME_CELLS;
  }

  /** A string [start, end) is the value of the innermost block's key of this role. */
  blockString(role: number, start: number, end: number): void {
    if (role !== ROLE_TEXT && role !== ROLE_CONTENT) return;
    this.addText(start, end);
    const cells = this.#frames;
    const frame = this.#frame;
    if (role === ROLE_TEXT) {
      cells[frame + TEXT_START] = start;
      cells[frame + TEXT_END] = end;
      return;
    }
    cells[frame + CONTENT_START] = start;
    cells[frame + CONTENT_END] = end;
    cells[frame + CONTENT_BYTES] = end - start;
    cells[frame + CONTENT_MARKERS] = 0;
  }

  /** A container is the value of the innermost block's key; returns whether it is content, inside which there are facts again. */
  openValue(role: number, isObject: boolean, start: number): boolean {
    const cells = this.#frames;
    const frame = this.#frame;
    if (role === ROLE_CACHE_CONTROL && isObject) {
      cells[frame + MARKERS] = 1;
      this.cacheMarkers++;
    }
    if (role !== ROLE_CONTENT) return false;
    cells[frame + CONTENT_START] = start;
    cells[frame + CONTENT_BYTES] = this.textBytes;
    cells[frame + CONTENT_MARKERS] = this.cacheMarkers;
    return true;
  }

  /** The content container of the innermost block ends before `end`. */
  closeContent(end: number): void {
    const cells = this.#frames;
    const frame = this.#frame;
    cells[frame + CONTENT_END] = end;
    cells[frame + CONTENT_BYTES] = this.textBytes - cells[frame + CONTENT_BYTES]!;
    cells[frame + CONTENT_MARKERS] = this.cacheMarkers - cells[frame + CONTENT_MARKERS]!;
  }

  /** A key of this role begins in the innermost block: what its earlier value gave does not count any more. */
  takeBack(role: number): void {
    const cells = this.#frames;
    const frame = this.#frame;
    if (role === ROLE_TEXT && cells[frame + TEXT_START]! >= 0) {
      this.textBytes -= cells[frame + TEXT_END]! - cells[frame + TEXT_START]!;
      this.spans.removeWithin(cells[frame + TEXT_START]!, cells[frame + TEXT_END]!);
      cells[frame + TEXT_START] = -1;
    } else if (role === ROLE_CONTENT && cells[frame + CONTENT_START]! >= 0) {
      this.textBytes -= cells[frame + CONTENT_BYTES]!;
      this.cacheMarkers -= cells[frame + CONTENT_MARKERS]!;
      this.spans.removeWithin(cells[frame + CONTENT_START]!, cells[frame + CONTENT_END]!);
      cells[frame + CONTENT_START] = -1;
    } else if (role === ROLE_CACHE_CONTROL) {
      this.cacheMarkers -= cells[frame + MARKERS]!;
      cells[frame + MARKERS] = 0;
    }
  }
}
