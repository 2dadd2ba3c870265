/** WebSocket frames as bytes, also those that no client would send (RFC 6455, section 5.2). */
import { randomBytes } from 'node:crypto';
import { KEY } from './gateway.ts';
import { RawSocket } from './raw-socket.ts';

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export interface Frame {
  opcode: number;
  payload?: Buffer | string;
  fin?: boolean;
  /** The three reserved bits. */
  reserved?: number;
  /** In place of the payload's own length. */
  length?: number;
}

export function frame({ opcode, payload = '', fin = true, reserved = 0, length }: Frame): Buffer {
  const data = Buffer.from(payload);
  const mask = randomBytes(4);
  const masked = Buffer.from(data.map((byte, at) => byte ^ mask[at % 4]!));
  return Buffer.concat([
    Buffer.from([(fin ? 0x80 : 0) | (reserved << 4) | opcode]),
    lengthBytes(length ?? data.length),
    mask,
    masked,
  ]);
}

function lengthBytes(length: number): Buffer {
  if (length < 126) return Buffer.from([0x80 | length]);
  const long = Buffer.alloc(length < 65_536 ? 3 : 9);
  long[0] = 0x80 | (long.length === 3 ? 126 : 127);
  if (long.length === 3) long.writeUInt16BE(length, 1);
  else long.writeBigUInt64BE(BigInt(length), 1);
  return long;
}

/** A connection behind a handshake that was taken. */
export async function openRaw(base: string, more: readonly string[] = []): Promise<RawSocket> {
  const socket = await RawSocket.open(base);
  const lines = [
    'GET /v1/responses HTTP/1.1',
    'host: gateway',
    'connection: Upgrade',
    'upgrade: websocket',
    'sec-websocket-version: 13',
    `sec-websocket-key: ${randomBytes(16).toString('base64')}`,
    `authorization: Bearer ${KEY}`,
    ...more,
  ];
  await socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  await socket.receives('\r\n\r\n');
  return socket;
}

/** What came behind the head of the 101. */
export function behindHead(socket: RawSocket): Buffer {
  return Buffer.from(socket.text.slice(socket.text.indexOf('\r\n\r\n') + 4), 'latin1');
}
