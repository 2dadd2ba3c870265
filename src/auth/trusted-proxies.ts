/**
 * Whose address a request came from when proxies stand before the gateway. Only a peer on the list is believed, and of its
 * `x-forwarded-for` only the part that trusted proxies wrote: from the right up to the first address that is none of them. Everything
 * left of that can be made up by the client. Pure; any thread.
 */
import { isIP } from 'node:net';
import { compileIpRules, type IpRules } from './ip-rules.ts';

export class TrustedProxies {
  readonly #rules: IpRules | null;

  /** Networks and addresses; checked when the configuration was read. */
  constructor(networks: readonly string[]) {
    this.#rules = networks.length === 0 ? null : compileIpRules(networks, null);
  }

  /** The peer's own address when it is not trusted, or when its header is missing or cannot be read. */
  clientAddress(peer: string, forwardedFor: string): string {
    if (this.#rules === null || forwardedFor === '' || !this.#rules.permits(peer)) return peer;
    let end = forwardedFor.length;
    while (end >= 0) {
      const comma = forwardedFor.lastIndexOf(',', end - 1);
      const address = forwardedFor.slice(comma + 1, end).trim();
      if (isIP(address) === 0) return peer;
      if (!this.#rules.permits(address)) return address;
      if (comma < 0) return peer;
      end = comma;
    }
    return peer;
  }
}
