import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

for (const name of ['sse-tap', 'cost', 'ring', 'scan', 'terminal-hold']) {
  test(`the micro bench ${name} runs and prints one figure a case`, async () => {
    const file = fileURLToPath(new URL(`../../native-bench/micro/${name}.ts`, import.meta.url));
    const { stdout } = await run(process.execPath, ['--disable-warning=ExperimentalWarning', file, '--quick'], {
      timeout: 30_000,
    });
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.ok(lines.length >= 5);
    for (const { bench, ns } of lines) {
      assert.equal(bench, name);
      assert.ok(ns > 0);
    }
  });
}
