import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { StartupError } from '#base/startup-error.ts';
import { parseStartOptions } from '#threads/start-options.ts';

test('no option at all is a start without a file', () => {
  assert.deepEqual(parseStartOptions([]), { configPath: null, readyFile: null, help: false });
});

test('named files are absolute from then on', () => {
  const options = parseStartOptions(['--config', 'a.yaml', '--ready-file=/b/ready.json']);
  assert.deepEqual(options, { configPath: resolve('a.yaml'), readyFile: '/b/ready.json', help: false });
});

test('an option that does not exist, and a word too many, are refused in one line', () => {
  for (const argv of [['--confg', 'a.yaml'], ['extra'], ['--config']]) {
    assert.throws(
      () => parseStartOptions(argv),
      (error) => error instanceof StartupError && !error.message.includes('\n') && error.message.includes('--help'),
    );
  }
});
