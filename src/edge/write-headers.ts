/** Writes headers that are a list of name, value, … to the server's answer. Front thread only. */
import type { HttpResponse } from './uws.ts';

export function writeHeaders(res: HttpResponse, pairs: readonly string[]): void {
  for (let i = 0; i < pairs.length; i += 2) res.writeHeader(pairs[i]!, pairs[i + 1]!);
}
