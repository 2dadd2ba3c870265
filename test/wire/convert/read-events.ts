/** The events in the text of a stream, as the client's parser would see them; fails on text that is not whole events. */
import assert from 'node:assert/strict';
import type { JsonObject, StreamConverter } from '#wire/convert/crossing.ts';

export interface SentEvent {
  readonly name: string;
  /** Parsed; `[DONE]` is left as text. */
  readonly data: JsonObject | '[DONE]';
}

export function readEvents(text: string): SentEvent[] {
  if (text === '') return [];
  assert.ok(text.endsWith('\n\n'), `text ends inside an event: ${JSON.stringify(text.slice(-80))}`);
  return text
    .slice(0, -2)
    .split('\n\n')
    .map((event) => {
      const lines = event.split('\n');
      const name = lines.length === 2 ? lines[0]!.replace('event: ', '') : '';
      const data = lines.at(-1)!;
      assert.ok(lines.length <= 2 && data.startsWith('data: '), `not an event of ours: ${event}`);
      const value = data.slice('data: '.length);
      return { name, data: value === '[DONE]' ? value : (JSON.parse(value) as JsonObject) };
    });
}

/** Everything that a converter says about these events, the end included. */
export function convertAll(converter: StreamConverter, events: readonly JsonObject[]): string {
  return events.map((data) => converter.event('', data)).join('') + converter.end();
}
