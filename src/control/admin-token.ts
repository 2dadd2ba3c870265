/**
 * Checks the bearer token of the admin API without telling by its timing how much of it was right: both sides are hashed to one
 * length and compared in constant time.
 */
import { hash, timingSafeEqual } from 'node:crypto';

export type TokenCheck = (authorization: string | undefined) => boolean;

export function createTokenCheck(token: string): TokenCheck {
  const wanted = digest(token);
  return (authorization) => {
    const match = /^Bearer +(\S+)$/i.exec(authorization ?? '');
    return match !== null && timingSafeEqual(digest(match[1]!), wanted);
  };
}

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}
