/**
 * Where a JSON object that arrives in pieces ends. Counts brackets outside strings; says nothing about whether it is well-formed.
 *
 *   before ──"{"──► inside, depth 1 ──"{" "["──► depth + 1 ──"}" "]"──► depth − 1 ──at 0──► whole
 */
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

export class JsonExtent {
  #depth = 0;
  #inString = false;
  #escaped = false;
  #whole = false;

  /** The outermost bracket has been closed. */
  get whole(): boolean {
    return this.#whole;
  }

  /** Takes the next piece; returns the part of it that belongs to the value. */
  take(text: string): string {
    if (this.#whole) return '';
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (this.#inString) this.#insideString(code);
      else if (code === QUOTE) this.#inString = true;
      else if (code === 0x7b || code === 0x5b) this.#depth++;
      else if ((code === 0x7d || code === 0x5d) && --this.#depth <= 0) {
        this.#whole = true;
        return text.slice(0, i + 1);
      }
    }
    return text;
  }

  #insideString(code: number): void {
    if (this.#escaped) this.#escaped = false;
    else if (code === BACKSLASH) this.#escaped = true;
    else if (code === QUOTE) this.#inString = false;
  }
}
