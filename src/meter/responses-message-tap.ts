/**
 * The tap of Responses over a WebSocket: what is pushed is one whole event each time, so nothing is cut into frames. Front thread only.
 */
import { ResponsesTap } from './responses-tap.ts';

export class ResponsesMessageTap extends ResponsesTap {
  /** Always a stream of events. */
  override start(): void {
    super.start(true);
  }

  override push(message: Uint8Array): void {
    this.message(Buffer.from(message.buffer, message.byteOffset, message.byteLength));
  }

  /** Usage and text are nothing: a turn that only warmed the upstream up. */
  get nothingServed(): boolean {
    if (this.contentSeen) return false;
    return Object.values(this.counts()).every((count) => count === 0);
  }
}
