import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InflateTurns, type TurnTaker } from '#edge/inflate-turns.ts';

function taker(name: string, log: string[]): TurnTaker {
  return { onTurn: () => log.push(name) };
}

test('so many run at once; the others get their turns in the order of their coming', () => {
  const log: string[] = [];
  const turns = new InflateTurns(2, 10);
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => taker(name, log)) as [
    TurnTaker,
    TurnTaker,
    TurnTaker,
    TurnTaker,
  ];
  assert.deepEqual(
    [a, b, c, d].map((each) => turns.take(each)),
    ['runs', 'runs', 'waits', 'waits'],
  );
  turns.give(b);
  turns.give(b);
  assert.deepEqual([log, turns.running, turns.waiting], [['c'], 2, 1]);
  turns.give(a);
  turns.give(c);
  turns.give(d);
  assert.deepEqual([log, turns.running, turns.waiting], [['c', 'd'], 0, 0]);
});

test('one that leaves while it waits gets no turn and takes none', () => {
  const log: string[] = [];
  const turns = new InflateTurns(1, 10);
  const [a, b, c] = ['a', 'b', 'c'].map((name) => taker(name, log)) as [TurnTaker, TurnTaker, TurnTaker];
  for (const each of [a, b, c]) turns.take(each);
  turns.give(b);
  assert.deepEqual([log, turns.running], [[], 1]);
  turns.give(a);
  assert.deepEqual(log, ['c']);
});

test('no more wait than may', () => {
  const turns = new InflateTurns(1, 1);
  assert.deepEqual(
    [1, 2, 3].map(() => turns.take(taker('', []))),
    ['runs', 'waits', 'full'],
  );
});
