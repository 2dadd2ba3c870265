import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { FAILURE_CODES, FAILURES, refuse } from '#failure/registry.ts';

const README = join(import.meta.dirname, '..', '..', 'README.md');
const SOURCES = new Set(['client', 'gateway', 'upstream']);

test('every failure has a status for errors, a known source and a text that is a sentence', () => {
  for (const code of FAILURE_CODES) {
    const failure = FAILURES[code];
    assert.equal(failure.code, code);
    assert.ok(failure.status >= 400 && failure.status < 600, code);
    assert.ok(SOURCES.has(failure.source), code);
    assert.match(failure.text, /^[A-Z].*\.$/, code);
    assert.ok(Object.isFrozen(failure), code);
  }
});

test('a fault of the gateway or an upstream is never told as 400, which makes clients drop their betas', () => {
  for (const code of FAILURE_CODES) {
    if (FAILURES[code].source !== 'client') assert.notEqual(FAILURES[code].status, 400, code);
  }
});

test('what may be retried later always carries a retry-after of at least a second', () => {
  for (const code of FAILURE_CODES) {
    const { retryAfterSeconds } = refuse(code);
    assert.equal(retryAfterSeconds > 0, FAILURES[code].retry === 'later', code);
  }
  assert.equal(refuse('user_busy', '', 1.2).retryAfterSeconds, 2);
});

test('the table of failures in README is the registry', () => {
  const readme = readFileSync(README, 'utf8');
  const table = readme.slice(readme.indexOf('<!-- failures:begin'), readme.indexOf('<!-- failures:end'));
  const rows = table
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .map((cell) => cell.trim().replaceAll('`', ''))
        .slice(1, -1),
    );
  const expected = FAILURE_CODES.map((code) => {
    const { status, anthropicType, source, retry, text } = FAILURES[code];
    return [code, String(status), anthropicType, source, retry, text];
  });
  assert.deepEqual(rows, expected);
});
