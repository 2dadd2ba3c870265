import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { FlushQueue } from '#edge/flush-queue.ts';
import { LateBell } from '#edge/late-bell.ts';

function makeScene() {
  const queue = new FlushQueue();
  const events: string[] = [];
  const named = (name: string, more = (): void => {}) => ({
    flush(): void {
      events.push(name);
      more();
    },
  });
  return { queue, events, named };
}

test('what no client waits for comes behind all answers of the turn, in its own order', async () => {
  const { queue, events, named } = makeScene();
  queue.addLast(named('open records'));
  queue.add(named('answer 1'));
  queue.addLast(named('bell'));
  queue.add(named('answer 2'));
  assert.deepEqual(events, [], 'nothing before the turn is over');
  await nextTurn();
  assert.deepEqual(events, ['answer 1', 'answer 2', 'open records', 'bell']);
  await nextTurn();
  assert.equal(events.length, 4, 'each once');
});

test('what is added while the last things are done is done with them', async () => {
  const { queue, events, named } = makeScene();
  queue.addLast(named('open records', () => queue.addLast(named('bell'))));
  await nextTurn();
  assert.deepEqual(events, ['open records', 'bell']);
});

test('a turn rings the bell of the usage-writer once, behind its answers', async () => {
  const { queue, events, named } = makeScene();
  const bell = new LateBell({ ringBell: () => events.push('bell') }, queue);
  bell.ringBell();
  queue.add(named('answer', () => bell.ringBell()));
  bell.ringBell();
  await nextTurn();
  assert.deepEqual(events, ['answer', 'bell']);
  bell.ringBell();
  await nextTurn();
  assert.deepEqual(events, ['answer', 'bell', 'bell'], 'and again in the next');
});
