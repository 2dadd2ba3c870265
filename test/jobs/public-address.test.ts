import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isPublicAddress } from '#jobs/public-address.ts';

const PRIVATE = [
  '0.0.0.0',
  '10.1.2.3',
  '100.64.0.1',
  '127.0.0.1',
  '127.255.255.254',
  '169.254.169.254',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.2.1',
  '192.168.1.1',
  '198.18.0.1',
  '224.0.0.1',
  '239.1.1.1',
  '255.255.255.255',
  '::',
  '::1',
  '::ffff:127.0.0.1',
  '::ffff:a00:1',
  '64:ff9b::7f00:1',
  '2002:7f00:1::',
  '2001:db8::1',
  'fc00::1',
  'fd12::1',
  'fe80::1',
  'ff02::1',
  '::127.0.0.1',
];
const PUBLIC = [
  '1.1.1.1',
  '8.8.8.8',
  '172.32.0.1',
  '192.169.0.1',
  '223.255.255.255',
  '2606:4700::1111',
  '::ffff:8.8.8.8',
];

test('addresses that only a machine or its network can reach are not public', () => {
  assert.deepEqual(PRIVATE.filter(isPublicAddress), []);
});

test('addresses of the internet are', () => {
  assert.deepEqual(
    PUBLIC.filter((address) => !isPublicAddress(address)),
    [],
  );
});

test('what is no address is not public', () => {
  for (const text of ['', 'localhost', '1.2.3', '0x7f.1', '127.1']) assert.equal(isPublicAddress(text), false, text);
});
