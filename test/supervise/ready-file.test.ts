import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { removeReadyFile, writeReadyFile } from '#supervise/ready-file.ts';
import { tempFolder } from '../support/temp-folder.ts';

const STATE = { gateway: 'http://127.0.0.1:1', control: 'http://127.0.0.1:2', pid: 3, gatewayPid: 4, demoKey: null };

test('the ready file is one JSON object for its owner only, replaced as a whole, removed without a trace', (t) => {
  const folder = tempFolder(t);
  const path = join(folder, 'ready.json');
  writeReadyFile(path, STATE);
  writeReadyFile(path, { ...STATE, gatewayPid: 5 });
  assert.deepEqual(JSON.parse(readFileSync(path, 'utf8')), { ...STATE, gatewayPid: 5 });
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder), ['ready.json']);
  removeReadyFile(path);
  removeReadyFile(path);
  assert.deepEqual(readdirSync(folder), []);
});
