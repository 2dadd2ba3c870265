import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startBanner } from '#threads/start-banner.ts';

const READY = {
  type: 'ready',
  gatewayUrl: 'http://127.0.0.1:8080',
  controlUrl: 'http://127.0.0.1:9090',
  demoKey: 'sk-ps-demo',
} as const;

test('the banner has both addresses, the demo key and three requests to paste, one streamed, one of another protocol', () => {
  const text = startBanner({ ...READY, demoModel: 'claude-haiku-4-5', notes: ['upstream built-in mock'] });
  for (const part of [READY.gatewayUrl, READY.controlUrl, 'sk-ps-demo', 'upstream built-in mock'])
    assert.ok(text.includes(part));
  const commands = text.split('\n').filter((line) => line.startsWith('curl'));
  const bodies = commands.map((line) => JSON.parse(/-d '([^']+)'/.exec(line)?.[1] ?? ''));
  assert.deepEqual(
    bodies.map((body) => body.stream ?? false),
    [false, true, false],
  );
  assert.match(commands[2]!, /\/v1\/chat\/completions -H "authorization: Bearer sk-ps-demo"/);
  for (const body of bodies) assert.equal(body.model, 'claude-haiku-4-5');
});

test('without a demo key the requests take it from a variable of the shell', () => {
  const text = startBanner({ ...READY, demoKey: null });
  assert.match(text, /-H "x-api-key: \$PENSTOCK_KEY"/);
  assert.doesNotMatch(text, /^ +key /m);
});
