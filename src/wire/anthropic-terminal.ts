/**
 * Which bytes of an Anthropic stream tell a client that its answer is complete: the `message_stop` frame. What another protocol
 * calls its end is a file beside this one with the same two functions. Pure; runs on front threads, in journaled mode only.
 *
 * Both err on one side: bytes that may be the end count as the end.
 */
import { SseSplitter } from './sse.ts';

const EVENT_FIELD = Buffer.from('event:');
const TERMINAL_NAME = Buffer.from('message_stop');
const SPACE = 0x20;
const LF = 0x0a;
const CR = 0x0d;
const BOUND_BYTES = 65_536;

/**
 * Whether the frame that begins with `bytes[start, end)`, however it goes on, may be the terminal one: every frame may but those that
 * begin by naming another event.
 */
export function mayBeTerminal(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  for (let i = 0; i < EVENT_FIELD.length; i++, at++) {
    if (at >= end || bytes[at] !== EVENT_FIELD[i]) return true;
  }
  if (at < end && bytes[at] === SPACE) at++;
  for (let i = 0; i < TERMINAL_NAME.length; i++, at++) {
    if (at >= end) return true;
    if (bytes[at] !== TERMINAL_NAME[i]) return false;
  }
  return at >= end || bytes[at] === LF || bytes[at] === CR;
}

/**
 * Where the first frame that may be terminal begins; early rather than late where line ends are odd. `beginsInside`: the bytes begin
 * within a frame that is known for another.
 */
export function terminalStart(bytes: Buffer, beginsInside = false): number {
  let found = -1;
  let at = 0;
  const splitter = new SseSplitter(
    {
      frame(frame, start, end, frameBytes) {
        const known = beginsInside && at === 0;
        if (found < 0 && !known && mayBeTerminal(frame, start, end)) found = at;
        at += frameBytes;
      },
    },
    BOUND_BYTES,
  );
  splitter.push(bytes);
  splitter.end();
  return Math.max(0, found);
}
