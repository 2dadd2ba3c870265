/** Server-sent events as text. JSON escapes every line end, so data never breaks out of its frame. Pure. */
import type { JsonObject } from './crossing.ts';

/** One event with its name, as Messages and Responses clients want it. */
export function namedEvent(name: string, data: JsonObject): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** One event of data alone, as Chat clients want it. */
export function dataEvent(data: JsonObject): string {
  return `data: ${JSON.stringify(data)}\n\n`;
}
