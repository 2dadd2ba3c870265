/**
 * Finds the content events of a stream of SSE in the pieces that arrive, with the time at which the mock sent each one where it stamps
 * them. Pure.
 */
const CONTENT = '"content_block_delta"';
const STAMP = /"text":"t=(\d+)/;
const END_OF_FRAME = '\n\n';

export class SseEvents {
  #carry = '';
  events = 0;
  ended = false;

  /** Calls back for each content event that is whole by now, with its stamp in microseconds, or null. */
  push(bytes: Buffer, onEvent: (sentUs: number | null) => void): void {
    const text = this.#carry + bytes.toString('latin1');
    let from = 0;
    for (let end = text.indexOf(END_OF_FRAME); end >= 0; end = text.indexOf(END_OF_FRAME, from)) {
      const frame = text.slice(from, end);
      from = end + END_OF_FRAME.length;
      if (frame.includes(CONTENT)) {
        this.events++;
        const stamp = STAMP.exec(frame)?.[1];
        onEvent(stamp === undefined ? null : Number(stamp));
      } else if (frame.includes('"message_stop"')) {
        this.ended = true;
      }
    }
    this.#carry = text.slice(from);
  }
}
