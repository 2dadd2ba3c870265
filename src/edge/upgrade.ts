/**
 * A request to turn its connection into a WebSocket, with what the server needs for it: copied at once, because the request dies when its
 * handler returns. No extension is agreed to: events are small, and a compressor a connection is what `limits` would have to hold.
 *
 * Front thread only.
 */
import type { Channel } from './channel.ts';
import type { HttpRequest, HttpResponse, us_socket_context_t } from './uws.ts';
import { writeHeaders } from './write-headers.ts';

/** The server copies its fields to its own object. */
export interface UpgradeData {
  readonly channel: Channel;
}

export class Upgrade {
  readonly #res: HttpResponse;
  readonly #key: string;
  readonly #protocol: string;
  readonly #context: us_socket_context_t;

  constructor(res: HttpResponse, req: HttpRequest, context: us_socket_context_t) {
    this.#res = res;
    this.#key = req.getHeader('sec-websocket-key');
    this.#protocol = req.getHeader('sec-websocket-protocol');
    this.#context = context;
  }

  /**
   * Not in a cork of ours: behind it uWebSockets.js 20 reads the connection as one of HTTP still when the upgrade has left it at its
   * address, and then may close it.
   *
   * Only while the connection lives; its reply must not be used any more. `headers`: name, value, …
   */
  accept(channel: Channel, headers: readonly string[]): void {
    const res = this.#res;
    res.writeStatus('101 Switching Protocols');
    writeHeaders(res, headers);
    res.upgrade<UpgradeData>({ channel }, this.#key, this.#protocol, '', this.#context);
  }
}
