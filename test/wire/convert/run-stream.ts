/** Runs one stream of an upstream through a crossing. */
import type { AnswerContext, Crossing, JsonObject } from '#wire/convert/crossing.ts';

export const ANSWER_CONTEXT: AnswerContext = Object.freeze({
  requestId: 'req-1',
  model: 'client-model',
  createdAtSeconds: 1_795_311_591,
  includeUsage: true,
});

export interface UpstreamEvent {
  readonly name: string;
  readonly data: JsonObject;
}

/** Everything that the client gets, as text. */
export function runStream(crossing: Crossing, events: readonly UpstreamEvent[], context = ANSWER_CONTEXT): string {
  const converter = crossing.stream(context);
  let text = '';
  for (const { name, data } of events) text += converter.event(name, data);
  return text + converter.end();
}

/** The data of each event in the text of a stream; `[DONE]` as it stands. */
export function dataOf(text: string): (JsonObject | '[DONE]')[] {
  const frames = text.split('\n\n').filter((frame) => frame !== '');
  return frames.map((frame) => {
    const data = frame.slice(frame.indexOf('data: ') + 'data: '.length);
    return data === '[DONE]' ? data : (JSON.parse(data) as JsonObject);
  });
}
