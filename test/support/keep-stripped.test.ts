import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { tempFolder } from './temp-folder.ts';

const PRELOAD = resolve(import.meta.dirname, 'keep-stripped.mjs');

test('what a source becomes is kept as type stripping makes it, serves the next process, and is not taken for a changed source', (t) => {
  const folder = tempFolder(t);
  const stripped = join(folder, 'stripped');
  const file = join(folder, 'source.ts');
  const run = (source: string): string => {
    writeFileSync(file, source);
    const env = { ...process.env, NODE_COMPILE_CACHE: folder };
    return execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', `--import=${PRELOAD}`, file], {
      env,
      encoding: 'utf8',
    });
  };
  const first = `const text: string = 'first';\nconsole.log(text);\n`;
  assert.equal(run(first), 'first\n');
  const [kept, ...more] = readdirSync(stripped);
  assert.deepEqual(more, []);
  assert.equal(readFileSync(join(stripped, kept!), 'utf8'), stripTypeScriptTypes(first));
  assert.equal(run(first.replace('first', 'other')), 'other\n');
  writeFileSync(join(stripped, kept!), `console.log('kept');`);
  assert.equal(run(first), 'kept\n');
});
