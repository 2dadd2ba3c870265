/**
 * The contents of a request for a Gemini upstream while they are put together from messages of another protocol. Pure; one object a
 * request.
 *
 *   openSystem() | open(role)   says where what follows belongs; neighbours of one role become one content
 *   add(part), text(text)       adds to it; empty texts are left out
 *   result()                    contents that nothing was added to are gone, and calls are signed (see `gemini-signatures.ts`)
 */
import type { JsonObject } from './crossing.ts';
import { signFirstCalls } from './gemini-signatures.ts';

interface Content {
  readonly role: string;
  readonly parts: JsonObject[];
}

/** As they stand in a request; fields that are missing are not there. */
export interface GeminiContents {
  readonly contents: readonly JsonObject[];
  readonly systemInstruction?: JsonObject;
}

export class GeminiContentList {
  readonly #contents: Content[] = [];
  readonly #systemParts: JsonObject[] = [];
  #parts: JsonObject[] = this.#systemParts;

  openSystem(): void {
    this.#parts = this.#systemParts;
  }

  open(role: 'user' | 'model'): void {
    const last = this.#contents.at(-1);
    if (last?.role === role) {
      this.#parts = last.parts;
      return;
    }
    // An empty one before it would keep its neighbours apart.
    if (last?.parts.length === 0) this.#contents.pop();
    if (this.#contents.at(-1)?.role === role) this.#parts = this.#contents.at(-1)!.parts;
    else {
      this.#parts = [];
      this.#contents.push({ role, parts: this.#parts });
    }
  }

  add(part: JsonObject): void {
    this.#parts.push(part);
  }

  text(text: string): void {
    if (text !== '') this.#parts.push({ text });
  }

  result(): GeminiContents {
    const contents = this.#contents.filter(({ parts }) => parts.length > 0) as unknown as JsonObject[];
    signFirstCalls(contents);
    const parts = this.#systemParts;
    return { contents, ...(parts.length > 0 && { systemInstruction: { parts } }) };
  }
}
