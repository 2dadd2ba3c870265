/**
 * The socket below one PostgreSQL connection, with TLS when the address asks for it (`?sslmode=`, as libpq names the modes). TLS is
 * done here and not by postgres.js, because a TLS socket must be destroyed itself: destroying what is below it tells nobody.
 */
import net from 'node:net';
import tls from 'node:tls';

type SslMode = 'disable' | 'allow' | 'prefer' | 'require' | 'verify-ca' | 'verify-full';

/** PostgreSQL, "Message Formats": SSLRequest, answered with one byte, `S` or `N`. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
const YES = 'S'.charCodeAt(0);

export interface Address {
  host: string;
  port: number;
}

/** Of several hosts the first. */
export function addressOf(url: string): Address {
  const { hostname, port } = new URL(url.replace(/(:\/\/[^/]*?),[^/]*/, '$1'));
  return { host: hostname.replace(/^\[|\]$/g, ''), port: port === '' ? 5432 : Number(port) };
}

/** Resolves to a socket that is connected, and encrypted if it has to be. Throws, with nothing left open, after `timeoutMs`. */
export async function connectSocket(url: string, timeoutMs: number): Promise<net.Socket> {
  const address = addressOf(url);
  const plain = net.connect({ ...address, noDelay: true, keepAlive: true });
  const timer = setTimeout(() => plain.destroy(new Error('PostgreSQL did not answer in time')), timeoutMs);
  try {
    await happened(plain, 'connect');
    const mode = (new URL(url.replace(/,[^/]*/, '')).searchParams.get('sslmode') ?? 'disable') as SslMode;
    const socket = mode === 'disable' ? plain : await encrypt(plain, address, mode);
    socket.on('error', () => {}); // whoever waits for the connection is told; nobody else needs to be
    return socket;
  } catch (error) {
    plain.destroy();
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

async function encrypt(plain: net.Socket, { host }: Address, mode: SslMode): Promise<net.Socket> {
  plain.write(SSL_REQUEST);
  const [answer] = (await happened(plain, 'data')) as [Buffer];
  if (answer[0] !== YES) {
    if (mode === 'prefer' || mode === 'allow') return plain;
    throw new Error('PostgreSQL does not offer TLS');
  }
  const verified = mode === 'verify-ca' || mode === 'verify-full';
  const names = net.isIP(host) === 0 ? { servername: host } : {};
  const secure = tls.connect({ socket: plain, rejectUnauthorized: verified, ...names });
  await happened(secure, 'secureConnect');
  return secure;
}

/** The event's arguments; throws when the socket ends first. */
function happened(socket: net.Socket, event: string): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    const ended = (): void => reject(new Error('PostgreSQL closed the connection'));
    socket.once('error', reject);
    socket.once('close', ended);
    socket.once(event, (...args) => {
      socket.off('error', reject);
      socket.off('close', ended);
      resolve(args);
    });
  });
}
