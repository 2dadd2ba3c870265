/** What is remembered of WebSockets that are not to be had. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Socketless, type SocketlessNews } from '#edge/socketless.ts';

test('what one front finds out all know; it is told once', () => {
  const told: SocketlessNews[] = [];
  const [one, other] = [new Socketless((news) => void told.push(news)), new Socketless(() => assert.fail())];
  for (let i = 0; i < 2; i++) {
    one.noteAccount(7);
    one.noteKey('k1');
  }
  assert.deepEqual(told, [
    { type: 'socketless', accountId: 7 },
    { type: 'socketless', keyHash: 'k1' },
  ]);
  for (const news of told) other.learn(news);
  for (const front of [one, other])
    assert.deepEqual(
      [front.hasAccount(7), front.hasAccount(8), front.hasKey('k1'), front.hasKey('k2')],
      [true, false, true, false],
    );
});

test('it is believed for minutes', (context) => {
  let nowMs = performance.now();
  context.mock.method(performance, 'now', () => nowMs);
  const front = new Socketless(() => {});
  front.noteAccount(7);
  front.noteKey('k1');
  nowMs += 299_000;
  assert.deepEqual([front.hasAccount(7), front.hasKey('k1')], [true, true]);
  nowMs += 2_000;
  assert.deepEqual([front.hasAccount(7), front.hasKey('k1')], [false, false]);
});

test('of too many keys the one that was noted first is forgotten', () => {
  const front = new Socketless(() => {});
  for (let i = 0; i < 10_000; i++) front.noteKey(`k${i}`);
  front.noteKey('k0');
  front.noteKey('one more');
  assert.deepEqual([front.hasKey('k0'), front.hasKey('k1'), front.hasKey('k2')], [true, false, true]);
});
