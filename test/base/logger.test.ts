import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLogger } from '#base/logger.ts';

function linesOf(run: (log: ReturnType<typeof createLogger>) => void, level: 'info' | 'silent' = 'info') {
  const lines: string[] = [];
  run(createLogger({ level, thread: 'front-0' }, { write: (line: string) => void lines.push(line) }));
  return lines;
}

test('a line is JSON with level, time and thread', () => {
  const [line] = linesOf((log) => log.info({ port: 1 }, 'listening'));
  const entry = JSON.parse(line!);
  assert.equal(entry.level, 'info');
  assert.equal(entry.thread, 'front-0');
  assert.equal(entry.port, 1);
  assert.equal(entry.msg, 'listening');
  assert.ok(Date.parse(entry.time) > 0);
});

test('fields that look like secrets never reach the log, at the top or one level down', () => {
  const secret = 'do-not-print';
  const lines = linesOf((log) => {
    log.info({ apiKey: secret, token: { secret }, account: { apiKey: secret }, headers: { 'x-api-key': secret } }, 'x');
    log.info({ headers: { authorization: secret }, url: { secret } }, 'y');
  });
  assert.equal(lines.length, 2);
  assert.doesNotMatch(lines.join(''), /do-not-print/);
});

test('lines below the level are not written', () => {
  assert.deepEqual(
    linesOf((log) => log.debug('x')),
    [],
  );
  assert.deepEqual(
    linesOf((log) => log.error('x'), 'silent'),
    [],
  );
});
