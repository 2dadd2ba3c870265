/**
 * Errors of the connection to an upstream, with the codes by which `verdict.ts` tells them apart; beside them stand Node's own
 * (`ECONNREFUSED`, `CERT_HAS_EXPIRED`, …). The codes are undici's, and zlib's for answers that cannot be decoded, so that logs read the same whichever client wrote them.
 */
export type UpstreamErrorCode =
  | 'UND_ERR_CONNECT_TIMEOUT'
  | 'UND_ERR_HEADERS_TIMEOUT'
  | 'UND_ERR_BODY_TIMEOUT'
  | 'UND_ERR_INVALID_ARG'
  | 'UND_ERR_SOCKET'
  /** Ours: the upstream has no WebSocket at this path. */
  | 'UPGRADE_REFUSED'
  /** Ours, and no fault of the upstream: decoders of answers have taken all the memory there is for them. */
  | 'NO_ROOM_TO_DECODE'
  | 'HPE_INVALID'
  | 'Z_DATA_ERROR';

export class UpstreamError extends Error {
  readonly code: UpstreamErrorCode;

  constructor(code: UpstreamErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}
