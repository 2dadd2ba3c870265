import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openBooks } from '#admit/open-books.ts';

function books(state: { refuse?: boolean; room?: boolean; money?: boolean }) {
  const calls: string[] = [];
  return {
    calls,
    usagePressure: { refuse: state.refuse ?? false },
    usageRing: {
      reserve: () => {
        calls.push('room');
        return state.room ?? true;
      },
      release: () => void calls.push('room back'),
    },
    ledger: {
      reserve: (row: number, amount: bigint) => {
        calls.push(`money ${row} ${amount}`);
        return state.money ?? true;
      },
    },
  };
}

test('room for the record is taken before the money', () => {
  const open = books({});
  assert.equal(openBooks(open, 3, 5n), null);
  assert.deepEqual(open.calls, ['room', 'money 3 5']);
});

test('a journal near its bound or a full ring refuses before anything is reserved', () => {
  const pressed = books({ refuse: true });
  assert.equal(openBooks(pressed, 3, 5n), 'usage_backlog');
  assert.deepEqual(pressed.calls, []);
  const full = books({ room: false });
  assert.equal(openBooks(full, 3, 5n), 'usage_backlog');
  assert.deepEqual(full.calls, ['room']);
});

test('a balance that does not cover the estimate gives the room back', () => {
  const poor = books({ money: false });
  assert.equal(openBooks(poor, 3, 5n), 'balance_exhausted');
  assert.deepEqual(poor.calls, ['room', 'money 3 5', 'room back']);
});
