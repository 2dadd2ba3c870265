import assert from 'node:assert/strict';
import { test } from 'node:test';
import { originalName, travellingName } from '#wire/convert/tool-names.ts';

test('a plain name travels as it is', () => {
  assert.equal(travellingName('get_weather', null, false), 'get_weather');
  assert.deepEqual(originalName('get_weather'), { name: 'get_weather', namespace: null, freeform: false });
});

test('namespaces and free-form tools travel in the name and come back', () => {
  const names = ['run', 'a--b', '--x', '-y', 'z-', 'a-b'];
  const seen = new Set<string>();
  for (const name of names) {
    for (const namespace of [null, 'functions', 'm-n']) {
      for (const freeform of [false, true]) {
        const travelling = travellingName(name, namespace, freeform)!;
        assert.deepEqual(originalName(travelling), { name, namespace, freeform });
        assert.ok(!seen.has(travelling), travelling);
        seen.add(travelling);
      }
    }
  }
});

test('a name that could not be told apart on its way back is none', () => {
  assert.equal(travellingName('a--freeform', null, false), null);
  for (const namespace of ['', 'a--b', 'a-']) assert.equal(travellingName('run', namespace, false), null);
});
