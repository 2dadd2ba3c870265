/** The command that runs the command-line clients, where none is installed. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

test('a client that is not installed is named with its package and left out', () => {
  const folder = mkdtempSync(join(tmpdir(), 'penstock-clients-'));
  try {
    const args = ['--disable-warning=ExperimentalWarning', join(import.meta.dirname, 'run-clients.ts')];
    const { status, stdout, stderr } = spawnSync(process.execPath, [...args, '--folder', folder], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    assert.equal(status, 0, stderr);
    for (const [name, pack] of [
      ['Claude Code', '@anthropic-ai/claude-code'],
      ['Codex over WebSocket', '@openai/codex'],
      ['Gemini CLI', '@google/gemini-cli'],
    ])
      assert.ok(stdout.includes(`${name}: skipped, ${pack} is not installed in ${folder}\n`), stdout);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
