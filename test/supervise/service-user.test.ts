import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findServiceUser, parsePasswd } from '#supervise/service-user.ts';

const PASSWD =
  'root:x:0:0:root:/root:/bin/sh\npostgres:x:101:104:admin,,,:/var/lib/postgresql:/bin/bash\nbroken:x:a:b::/:\n';

test('a user is found by its whole name', () => {
  assert.deepEqual(parsePasswd(PASSWD, 'postgres'), { name: 'postgres', uid: 101, gid: 104 });
  assert.equal(parsePasswd(PASSWD, 'post'), null);
  assert.equal(parsePasswd(PASSWD, 'broken'), null);
});

test('root gets an unprivileged user', { skip: process.getuid?.() !== 0 && 'needs root' }, () => {
  const user = findServiceUser();
  assert.ok(user !== null && user.uid !== 0);
});
