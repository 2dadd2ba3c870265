/**
 * IP allow and deny lists in CIDR notation. Compiled once per cached key. Only owner of ipaddr.js. Pure.
 */
import ipaddr from 'ipaddr.js';

type Range = ReturnType<typeof ipaddr.parseCIDR>;

export interface IpRules {
  /** Deny wins over allow; with an allow list everything else is denied. An address that cannot be read is denied. */
  permits(address: string): boolean;
}

/** Returns null when there are no rules. Entries that are no CIDR or address throw: they were validated when they were stored. */
export function compileIpRules(allow: readonly string[] | null, deny: readonly string[] | null): IpRules | null {
  if (allow === null && deny === null) return null;
  const allowed = allow?.map(parseRange) ?? null;
  const denied = deny?.map(parseRange) ?? [];
  return {
    permits(address) {
      if (!ipaddr.isValid(address)) return false;
      const parsed = ipaddr.process(address);
      if (denied.some((range) => contains(range, parsed))) return false;
      return allowed === null || allowed.some((range) => contains(range, parsed));
    },
  };
}

/** Whether a text is an address or a CIDR range that `compileIpRules` takes. */
export function isIpRange(text: string): boolean {
  return ipaddr.isValid(text) || ipaddr.isValidCIDR(text);
}

function parseRange(text: string): Range {
  if (text.includes('/')) return ipaddr.parseCIDR(text);
  const address = ipaddr.process(text);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}

function contains(range: Range, address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  return range[0].kind() === address.kind() && address.match(range);
}
