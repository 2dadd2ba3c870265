import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TrustedProxies } from '#auth/trusted-proxies.ts';

const proxies = new TrustedProxies(['10.0.0.0/8', '192.0.2.7', 'fd00::/8']);

const CASES: [what: string, peer: string, header: string, client: string][] = [
  ['a trusted peer names the client', '10.1.2.3', '203.0.113.9', '203.0.113.9'],
  ['an address on the list is enough', '192.0.2.7', '203.0.113.9', '203.0.113.9'],
  ['what a stranger writes is ignored', '203.0.113.1', '198.51.100.1', '203.0.113.1'],
  ['only the rightmost untrusted address counts', '10.1.2.3', '1.1.1.1, 203.0.113.9', '203.0.113.9'],
  ['trusted addresses on the way are skipped', '10.1.2.3', '1.1.1.1, 203.0.113.9, 10.9.9.9,192.0.2.7', '203.0.113.9'],
  ['a chain of trusted proxies alone is the peer', '10.1.2.3', '10.0.0.1, 10.0.0.2', '10.1.2.3'],
  ['no header is the peer', '10.1.2.3', '', '10.1.2.3'],
  ['IPv6 on both sides', 'fd00::1', '2001:db8::5', '2001:db8::5'],
  ['an IPv4 peer mapped into IPv6', '::ffff:10.1.2.3', '203.0.113.9', '203.0.113.9'],
  ['the long form of it', '0000:0000:0000:0000:0000:ffff:0a01:0203', '203.0.113.9', '203.0.113.9'],
  ['an IPv4 proxy mapped into IPv6 within the header', '10.1.2.3', '203.0.113.9, ::ffff:10.9.9.9', '203.0.113.9'],
  ['words are the peer', '10.1.2.3', 'unknown', '10.1.2.3'],
  ['an empty entry is the peer', '10.1.2.3', '203.0.113.9,', '10.1.2.3'],
  ['a network is no address', '10.1.2.3', '203.0.113.0/24', '10.1.2.3'],
  ['a fault left of the client is not looked at', '10.1.2.3', 'nonsense, 203.0.113.9', '203.0.113.9'],
];

for (const [what, peer, header, client] of CASES) {
  test(what, () => assert.equal(proxies.clientAddress(peer, header), client));
}

test('without a list nobody is believed', () => {
  assert.equal(new TrustedProxies([]).clientAddress('10.1.2.3', '203.0.113.9'), '10.1.2.3');
});
