/**
 * Server-sent events as text. JSON escapes every line end, so data never breaks out of its frame. Pure; never throws: data that is nested
 * too deeply to be written is no event.
 */
import type { JsonObject } from './crossing.ts';
import { writeJson } from './json.ts';

/** One event with its name, as Messages and Responses clients want it. */
export function namedEvent(name: string, data: JsonObject): string {
  const json = writeJson(data);
  return json === null ? '' : `event: ${name}\ndata: ${json}\n\n`;
}

/** One event of data alone, as Chat clients want it. */
export function dataEvent(data: JsonObject): string {
  const json = writeJson(data);
  return json === null ? '' : `data: ${json}\n\n`;
}
