import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { StartupError } from '#base/startup-error.ts';
import { announceControl, readAnnouncement } from '#control/announce.ts';
import { ensureAdminToken, ensureDemoKey, ensureLinkKey, readSecrets } from '#control/secrets-file.ts';
import { tempFolder } from '../support/temp-folder.ts';

test('secrets are generated once, kept, and readable by their owner only', (t) => {
  const folder = tempFolder(t);
  assert.deepEqual(readSecrets(folder), { adminToken: null, demoKey: null, linkKey: null });
  const demoKey = ensureDemoKey(folder);
  const adminToken = ensureAdminToken(folder);
  assert.match(demoKey, /^sk-ps-/);
  assert.ok(adminToken.length >= 43);
  assert.equal(ensureDemoKey(folder), demoKey);
  assert.equal(ensureAdminToken(folder), adminToken);
  const linkKey = ensureLinkKey(folder);
  assert.equal(ensureLinkKey(folder), linkKey);
  assert.deepEqual(readSecrets(folder), { adminToken, demoKey, linkKey });
  assert.equal(statSync(join(folder, 'secrets.json')).mode & 0o777, 0o600);
});

test('a file that cannot be used stops the start instead of being overwritten', (t) => {
  const folder = tempFolder(t);
  writeFileSync(join(folder, 'secrets.json'), '{"adminToken":');
  assert.throws(() => ensureAdminToken(folder), StartupError);
});

test('the control port is announced while its process runs, and only its own announcement is removed', (t) => {
  const folder = tempFolder(t);
  assert.equal(readAnnouncement(folder), null);
  const forget = announceControl(folder, 'http://127.0.0.1:1');
  assert.deepEqual(readAnnouncement(folder), { url: 'http://127.0.0.1:1', pid: process.pid });
  assert.equal(statSync(join(folder, 'control.json')).mode & 0o777, 0o600);
  const forgetNext = announceControl(folder, 'http://127.0.0.1:2');
  forget();
  assert.equal(readAnnouncement(folder)?.url, 'http://127.0.0.1:2');
  forgetNext();
  assert.equal(readAnnouncement(folder), null);
});

test('what a crashed gateway left behind counts as nothing', (t) => {
  const folder = tempFolder(t);
  writeFileSync(join(folder, 'control.json'), JSON.stringify({ url: 'http://127.0.0.1:1', pid: 2 ** 22 + 1 }));
  assert.equal(readAnnouncement(folder), null);
});
