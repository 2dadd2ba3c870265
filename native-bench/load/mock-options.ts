/** How the mock upstream answers; given to its process as one JSON argument. */
export interface MockOptions {
  /** Before the head of the answer. */
  firstByteMs: number;
  /** Events of a stream between its opening and its end. */
  events: number;
  /** Between two events of one stream; every stream has its own phase. */
  paceMs: number;
  /** The first event leaves with the opening and not within one pace of it, so that the time to it is the relay's own. */
  firstEventAtOnce: boolean;
  /** Each event says when it was sent, by `nowUs` of clock-us.ts, in place of its text. */
  stamped: boolean;
  /** Bytes of text in one event, and in a JSON answer. */
  eventTextBytes: number;
  jsonTextBytes: number;
  /** Share of requests, 0 to 1, that meet a fault in place of an answer. */
  overloaded: number;
  /** The connection is reset before the head, or after half of an answer. */
  resetBeforeHead: number;
  resetInBody: number;
  /** Certificate and key of an `https` mock; null: plain. */
  tls: { certFile: string; keyFile: string } | null;
}

export const MOCK_DEFAULTS: MockOptions = {
  firstByteMs: 0,
  events: 200,
  paceMs: 10,
  firstEventAtOnce: false,
  stamped: false,
  eventTextBytes: 12,
  jsonTextBytes: 714,
  overloaded: 0,
  resetBeforeHead: 0,
  resetInBody: 0,
  tls: null,
};
