/** Takes the texts of an answer as they pass, for whoever counts them. Its calls never throw and never keep `bytes`. */
export interface TextSink {
  /**
   * More of a text: `bytes[start, end)`. What comes with the same `text` as the call before goes on with it. 0 and more: it stands in a
   * JSON string, with its escapes; less than 0: it stands for itself.
   */
  add(text: number, bytes: Uint8Array, start: number, end: number): void;
  /** What comes next is another text, whatever its number. */
  next(): void;
  /** Part of a text is not here. */
  lose(): void;
}
