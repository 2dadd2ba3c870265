/** A certificate and key that cannot be used are named before anything starts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { configSchema } from '#config/schema.ts';
import { checkTlsFiles } from '#config/tls-files.ts';

const fixture = (name: string): string => fileURLToPath(new URL(`../support/${name}`, import.meta.url));
const ENCRYPTED = fixture('ca-signed-encrypted.pem');
const PLAIN = fixture('ca-signed.pem');

function check(tls: object | null): void {
  checkTlsFiles(configSchema.parse({ listen: { tls } }).listen);
}

test('files that fit are taken, with and without a passphrase, and so is no TLS', () => {
  check(null);
  check({ certFile: PLAIN, keyFile: PLAIN });
  check({ certFile: PLAIN, keyFile: ENCRYPTED, passphrase: 'open-sesame' });
});

const BAD: [what: string, tls: object, expected: RegExp][] = [
  [
    'a missing certificate',
    { certFile: '/nowhere/c.pem', keyFile: PLAIN },
    /listen\.tls\.certFile: cannot read .*ENOENT/,
  ],
  ['a folder for a key', { certFile: PLAIN, keyFile: '/' }, /listen\.tls\.keyFile: cannot read .*EISDIR/],
  ['a missing passphrase', { certFile: PLAIN, keyFile: ENCRYPTED }, /cannot be used together/],
  ['a wrong passphrase', { certFile: PLAIN, keyFile: ENCRYPTED, passphrase: 'wrong' }, /cannot be used together/],
  ['the key of another certificate', { certFile: PLAIN, keyFile: fixture('self-signed.pem') }, /KEY_VALUES_MISMATCH/],
  ['a certificate without a key', { certFile: PLAIN, keyFile: fixture('private-ca.pem') }, /cannot be used together/],
];

for (const [what, tls, expected] of BAD) {
  test(`${what} is an error that says so`, () => assert.throws(() => check(tls), expected));
}
