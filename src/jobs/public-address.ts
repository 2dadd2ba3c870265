/**
 * Whether an address is one of the public internet: what is fetched for a client must not be something that only this machine or its
 * network can reach. By IANA's registries of special-purpose addresses. Pure; primary.
 */
import { BlockList, isIPv4, isIPv6 } from 'node:net';

const V4: readonly (readonly [network: string, bits: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
];
/** The ones that carry an IPv4 address inside (translation, 6to4, Teredo) may lead anywhere, and are no address of a web server. */
const V6: readonly (readonly [network: string, bits: number])[] = [
  ['::', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
  ['5f00::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
];

const special = new BlockList();
for (const [network, bits] of V4) special.addSubnet(network, bits, 'ipv4');
for (const [network, bits] of V6) special.addSubnet(network, bits, 'ipv6');

export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !special.check(address, 'ipv4');
  // An IPv4 address in IPv6's clothes (::ffff:127.0.0.1) is judged as what it is: BlockList does that itself.
  return isIPv6(address) && !special.check(address, 'ipv6');
}
