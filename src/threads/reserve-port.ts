/**
 * A free port that every front can listen on. uWebSockets.js shares a port among listeners (SO_REUSEPORT) only when it is given a
 * number, so port 0 is resolved here: the reservation keeps other programs off the number until the fronts have it. Primary only.
 */
import { createServer } from 'node:net';

export interface PortReservation {
  port: number;
  /** Call it once every front listens; until then a connection to the port would not be answered. */
  release(): Promise<void>;
}

/** Rejects when the address cannot be had. */
export function reservePort(host: string): Promise<PortReservation> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ host, port: 0, reusePort: true }, () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      resolve({ port, release: () => new Promise((done) => server.close(() => done())) });
    });
  });
}
