/** What the server's writes are held to. */

/**
 * What is written within one cork. The server's cork buffer has 16 KiB; a write that does not fit is sent past it, and when the
 * socket then refuses the buffer's part, uWebSockets.js 20 drops the write that did not fit, which breaks the chunked framing
 * (seen as "Expected LF after chunk data" at readers that had stalled). So nothing ever comes near the buffer's end.
 */
export const CORK_BYTES_MAX = 14 * 1024;
export const FLUSH_BYTES = 64 * 1024;
/** Framing of a chunk: its length in hex and two line ends. */
export const FRAMING_BYTES = 12;
/**
 * The server closes a connection 10 s after a write that did not go through, unless its socket becomes writable, which on Linux
 * takes a third of a send buffer of megabytes: a reader of 100 KB/s needs longer. An empty cork makes the server try again and
 * begins its 10 s anew.
 */
export const RETRY_EVERY_MS = 4_000;
