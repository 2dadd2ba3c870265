/**
 * A free TCP port on the loopback address. Between asking and using, another program may take it: whoever uses it must be
 * ready to ask again. Supervisor process only.
 */
import { createServer } from 'node:net';

/** `wanted` when it is free (0: no wish), else one that the kernel chooses. */
export async function freePort(wanted: number): Promise<number> {
  if (wanted !== 0) {
    const port = await tryPort(wanted);
    if (port !== null) return port;
  }
  const port = await tryPort(0);
  if (port === null) throw new Error('no free TCP port on 127.0.0.1');
  return port;
}

function tryPort(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(null));
    server.listen({ host: '127.0.0.1', port, exclusive: true }, () => {
      const address = server.address();
      const bound = typeof address === 'object' && address !== null ? address.port : null;
      server.close(() => resolve(bound));
    });
  });
}
