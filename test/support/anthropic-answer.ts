/**
 * Bytes of scripted answers in the Anthropic shape: SSE frames and JSON messages with chosen usage numbers. Pure; the scripted
 * upstream serves them. Text deltas mix scripts and emoji so that chunk borders fall inside UTF-8 characters.
 */
import { seededRandom } from './seeded-random.ts';

/** Usage as the upstream reports it at the end of an answer. */
export interface AnswerUsage {
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  cacheWrite5mTokens: number;
  cacheWrite1hTokens: number;
}

export interface AnswerShape {
  id: string;
  model: string;
  usage: AnswerUsage;
  /** Number of text deltas. */
  events: number;
  /** Characters of each text delta, about. */
  eventChars: number;
  thinking: boolean;
  tool: boolean;
}

const WORDS = ['plain ', 'naïve ', 'größer ', 'текст ', '水門 ', '🚰🌊 ', 'e\u0301 ', '\\"quoted\\" ', 'line\n'];

export function textDelta(index: number, chars: number): string {
  let text = '';
  for (let i = index; text.length < chars; i++) text += WORDS[i % WORDS.length];
  return text;
}

function wireUsage(usage: AnswerUsage, outputTokens: number): object {
  return {
    input_tokens: usage.inputTokens,
    cache_creation_input_tokens: usage.cacheWrite5mTokens + usage.cacheWrite1hTokens,
    cache_read_input_tokens: usage.cacheReadTokens,
    cache_creation: {
      ephemeral_5m_input_tokens: usage.cacheWrite5mTokens,
      ephemeral_1h_input_tokens: usage.cacheWrite1hTokens,
    },
    output_tokens: outputTokens,
    service_tier: 'standard',
  };
}

export function frame(event: { type: string; [field: string]: unknown }): Buffer {
  return Buffer.from(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
}

const TOOL = { type: 'tool_use', id: 'toolu_01', name: 'get_weather' };

/** Every frame of a whole stream, in the order of the real API. */
export function streamFrames(shape: AnswerShape): Buffer[] {
  const frames = [frame({ type: 'message_start', message: message(shape, [], null, 1) })];
  let index = 0;
  const block = (opening: object, deltas: object[]): void => {
    frames.push(frame({ type: 'content_block_start', index, content_block: opening }));
    if (index === 0) frames.push(frame({ type: 'ping' }));
    for (const delta of deltas) frames.push(frame({ type: 'content_block_delta', index, delta }));
    frames.push(frame({ type: 'content_block_stop', index }));
    index++;
  };
  if (shape.thinking) {
    block({ type: 'thinking', thinking: '', signature: '' }, [
      { type: 'thinking_delta', thinking: 'let me see …' },
      { type: 'signature_delta', signature: 'c2lnbmF0dXJl' },
    ]);
  }
  const deltas = Array.from({ length: shape.events }, (_, i) => ({
    type: 'text_delta',
    text: textDelta(i, shape.eventChars),
  }));
  block({ type: 'text', text: '' }, deltas);
  if (shape.tool) {
    block({ ...TOOL, input: {} }, [
      { type: 'input_json_delta', partial_json: '' },
      { type: 'input_json_delta', partial_json: '{"city":"M' },
      { type: 'input_json_delta', partial_json: 'ünchen"}' },
    ]);
  }
  const delta = { stop_reason: shape.tool ? 'tool_use' : 'end_turn', stop_sequence: null };
  frames.push(frame({ type: 'message_delta', delta, usage: wireUsage(shape.usage, shape.usage.outputTokens) }));
  frames.push(frame({ type: 'message_stop' }));
  return frames;
}

function message(shape: AnswerShape, content: object[], stopReason: string | null, outputTokens: number): object {
  return {
    id: shape.id,
    type: 'message',
    role: 'assistant',
    model: shape.model,
    content,
    stop_reason: stopReason,
    stop_sequence: null,
    usage: wireUsage(shape.usage, outputTokens),
  };
}

/** The same answer as one JSON document. */
export function jsonMessage(shape: AnswerShape): Buffer {
  const text = Array.from({ length: shape.events }, (_, i) => textDelta(i, shape.eventChars)).join('');
  const content: object[] = [{ type: 'text', text }];
  if (shape.thinking) content.unshift({ type: 'thinking', thinking: 'let me see …', signature: 'c2lnbmF0dXJl' });
  if (shape.tool) content.push({ ...TOOL, input: { city: 'München' } });
  const whole = message(shape, content, shape.tool ? 'tool_use' : 'end_turn', shape.usage.outputTokens);
  return Buffer.from(JSON.stringify(whole));
}

export function errorBody(type: string, text: string, requestId: string): Buffer {
  return Buffer.from(JSON.stringify({ type: 'error', error: { type, message: text }, request_id: requestId }));
}

/** Cuts bytes at random places: inside frames, inside lines, inside UTF-8 characters. */
export function cutAnywhere(bytes: Buffer, seed: number, pieceBytesMax: number): Buffer[] {
  const random = seededRandom(seed);
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + Math.floor(random() * pieceBytesMax);
    pieces.push(bytes.subarray(at, at + size));
    at += size;
  }
  return pieces;
}
