/**
 * What a response reader says of bytes: heads, body, and how it ended; by our own reader, cut anywhere, and by Node's client as the
 * oracle.
 */
import { once } from 'node:events';
import { request } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { ResponseReader } from '#relay/response-reader.ts';

export interface Reading {
  status: number;
  body: string;
  /** `whole`: as HTTP says; `open`: more must come; `broken`: malformed. */
  end: 'whole' | 'open' | 'broken';
}

/** Reads `bytes` in the pieces between `cuts` (ascending); `closed`: the connection ends behind them. */
export function readCut(bytes: Buffer, cuts: readonly number[], closed = true): Reading {
  const reading: Reading = { status: 0, body: '', end: 'open' };
  const reader = new ResponseReader({
    onHead: (status) => {
      if (status >= 200) reading.status = status;
    },
    onRun: (run, start, end) => {
      reading.body += run.toString('latin1', start, end);
    },
  });
  reader.expect();
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    // The reader moves bytes within what it is given, and finds other things behind its limit.
    const piece = Buffer.concat([bytes.subarray(from, cut), Buffer.from('stale: bytes\r\n\r\n0\r\n\r\n')]);
    const at = reader.read(piece, cut - from);
    if (at < 0) return { ...reading, end: 'broken' };
    if (reader.idle) return { ...reading, end: 'whole' };
    from = cut;
  }
  if (closed && reader.endsWithConnection) reading.end = 'whole';
  return reading;
}

/** What `node:http` makes of them, over a real connection. */
export class NodeReader {
  readonly #server: Server;
  #bytes: Buffer = Buffer.alloc(0);

  private constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end(this.#bytes));
    });
  }

  static async start(): Promise<NodeReader> {
    const server = createServer();
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new NodeReader(server);
  }

  read(bytes: Buffer): Promise<Reading> {
    this.#bytes = bytes;
    const { port } = this.#server.address() as AddressInfo;
    return new Promise((resolve) => {
      const reading: Reading = { status: 0, body: '', end: 'broken' };
      const call = request({ host: '127.0.0.1', port, method: 'POST', agent: false });
      call.on('response', (response) => {
        reading.status = response.statusCode!;
        response.setEncoding('latin1');
        response.on('data', (text: string) => {
          reading.body += text;
        });
        response.on('end', () => {
          if (response.complete) reading.end = 'whole';
        });
        response.on('error', () => {});
      });
      call.on('upgrade', (_response, socket) => socket.destroy());
      call.on('error', () => {});
      call.on('close', () => resolve(reading));
      call.end('{}');
    });
  }

  async close(): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
