/**
 * What Penstock's metering takes of an event: its tap, and for Chat whose usage nobody asked for the filter that takes it out again, fed
 * from memory with the bytes that the mock streams, an event a chunk. The filter may change what it is given, so it gets a copy, which
 * counts to it. In the caller's process.
 */
import { UsageChunkFilter } from '../../src/edge/usage-chunk-filter.ts';
import { AnthropicTap } from '../../src/meter/anthropic-tap.ts';
import { ChatTap } from '../../src/meter/chat-tap.ts';
import { GeminiTap } from '../../src/meter/gemini-tap.ts';
import { ResponsesTap } from '../../src/meter/responses-tap.ts';
import type { Tap } from '../../src/meter/tap.ts';
import { MOCK_DEFAULTS } from '../load/mock-options.ts';
import { eventsOf, type StreamRequest } from '../load/stream-requests.ts';
import { type ScriptKind, streamScript, words } from '../load/stream-scripts.ts';

const TAPS: Readonly<Record<ScriptKind, Tap>> = {
  messages: new AnthropicTap(),
  chat: new ChatTap(),
  'chat with usage': new ChatTap(),
  responses: new ResponsesTap(),
  gemini: new GeminiTap(),
  'gemini array': new GeminiTap(),
};

/** CPU time of an event in microseconds, over some `total` events in streams that have `events` between opening and end. */
export function tapAlone(request: StreamRequest, events: number, total: number): number {
  const streams = Math.ceil(total / events);
  const kind = request.answeredPenstock;
  const tap = TAPS[kind];
  const filter = request.answered === kind ? null : new UsageChunkFilter();
  const script = streamScript(kind, events);
  const [opening, closing] = [Buffer.from(script.opening), Buffer.from(script.closing)];
  const event = Buffer.from(script.event(words(MOCK_DEFAULTS.eventTextBytes)));
  const copy = Buffer.from(event);
  const take = (chunk: Buffer): void => {
    tap.push(chunk);
    if (filter === null) return;
    if (chunk === event) chunk.copy(copy);
    filter.push(chunk === event ? copy : Buffer.from(chunk));
  };
  const before = process.cpuUsage();
  for (let i = 0; i < streams; i++) {
    tap.start(true, kind === 'gemini array');
    take(opening);
    for (let sent = 0; sent < events; sent++) take(event);
    take(closing);
    tap.end();
    filter?.end();
  }
  const { user, system } = process.cpuUsage(before);
  const { seen, outputTokens } = tap.usage;
  if (!tap.terminal || seen !== 'final' || outputTokens !== events) {
    throw new Error(`${request.name}: the tap lost the usage`);
  }
  return (user + system) / (streams * eventsOf(request, events));
}
