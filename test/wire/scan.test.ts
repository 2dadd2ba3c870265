import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Facts, isScanError, type ScanError } from '#wire/facts.ts';
import { Scanner, scan } from '#wire/scan.ts';

const DEPTH_MAX = 8;

function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'utf8');
}

function factsOf(text: string): Facts {
  const result = scan(bytesOf(text), DEPTH_MAX);
  assert.ok(!isScanError(result), isScanError(result) ? `${result.reason} at ${result.offset}` : '');
  return result;
}

function errorOf(body: string | Uint8Array): ScanError {
  const result = scan(typeof body === 'string' ? bytesOf(body) : body, DEPTH_MAX);
  assert.ok(isScanError(result), 'the body should be refused');
  return result;
}

/** A body that is right in all but the given members. */
function withMembers(members: string): string {
  return `{"model":"m","messages":[]${members === '' ? '' : ','}${members}}`;
}

function texts(body: string, spans: Int32Array): string[] {
  const bytes = bytesOf(body);
  return Array.from({ length: spans.length / 2 }, (_, i) => bytes.toString('utf8', spans[2 * i], spans[2 * i + 1]));
}

test('a request as a client sends it gives all facts', () => {
  const body = JSON.stringify({
    model: 'claude-opus-5-5',
    max_tokens: 32000,
    stream: true,
    metadata: { user_id: '{"session_id":"1"}' },
    system: [
      { type: 'text', text: 'Be brief.' },
      { type: 'text', text: 'Be “kind”.', cache_control: { type: 'ephemeral' } },
    ],
    tools: [{ name: 'Read' }, { name: 'Edit', cache_control: { type: 'ephemeral' }, input_schema: {} }],
    messages: [
      { role: 'user', content: 'hi' },
      { role: 'assistant', content: [{ type: 'tool_use', id: 't', name: 'Read', input: { text: 'not this one' } }] },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 't', content: [{ type: 'text', text: 'a file' }] },
          { type: 'tool_result', tool_use_id: 't', content: 'plain', cache_control: { type: 'ephemeral', ttl: '1h' } },
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'AAAA' } },
        ],
      },
    ],
  });
  const facts = factsOf(body);
  assert.equal(facts.fieldError, null);
  assert.equal(facts.model, 'claude-opus-5-5');
  assert.equal(body.slice(facts.modelStart, facts.modelEnd), '"claude-opus-5-5"');
  assert.equal(facts.stream, true);
  assert.equal(facts.maxTokens, 32000);
  assert.equal(facts.userId, '{"session_id":"1"}');
  assert.deepEqual(texts(body, facts.systemSpans), ['Be brief.', 'Be “kind”.']);
  assert.deepEqual(texts(body, facts.messageSpans), ['hi', 'a file', 'plain']);
  assert.equal(facts.textBytes, Buffer.byteLength('Be brief.Be “kind”.hia fileplain'));
  assert.equal(facts.cacheMarkers, 3);
  assert.equal(facts.toolsCount, 2);
  assert.equal(facts.messagesCount, 3);
});

test('a count_tokens body has no max_tokens and no stream', () => {
  const facts = factsOf(withMembers(''));
  assert.deepEqual([facts.maxTokens, facts.stream, facts.userId, facts.fieldError], [null, false, null, null]);
});

test('a wrong field is named by its path, the first in a fixed order', () => {
  const cases: [body: string, path: string | null][] = [
    ['[]', 'body'],
    ['"model"', 'body'],
    ['12', 'body'],
    ['null', 'body'],
    ['{}', 'model'],
    ['{"messages":[]}', 'model'],
    ['{"model":"","messages":[]}', 'model'],
    ['{"model":null,"messages":[]}', 'model'],
    ['{"model":["m"],"messages":[]}', 'model'],
    ['{"model":"a\\u0000b","messages":[]}', 'model'],
    [`{"model":"${'m'.repeat(128)}","messages":[]}`, null],
    [`{"model":"${'m'.repeat(129)}","messages":[]}`, 'model'],
    [`{"model":"${'漢'.repeat(43)}","messages":[]}`, 'model'],
    [`{"model":"${'\\u0061'.repeat(128)}","messages":[]}`, null],
    ['{"model":"m"}', 'messages'],
    ['{"model":"m","messages":{}}', 'messages'],
    ['{"model":"m","messages":"hi"}', 'messages'],
    ['{"messages":null,"model":"m"}', 'messages'],
    [withMembers('"max_tokens":1'), null],
    [withMembers('"max_tokens":1.0e3'), null],
    [withMembers('"max_tokens":0'), 'max_tokens'],
    [withMembers('"max_tokens":-1'), 'max_tokens'],
    [withMembers('"max_tokens":1.5'), 'max_tokens'],
    [withMembers('"max_tokens":1e400'), 'max_tokens'],
    [withMembers(`"max_tokens":${'1'.repeat(400)}`), 'max_tokens'],
    [withMembers('"max_tokens":"1"'), 'max_tokens'],
    [withMembers('"max_tokens":null'), 'max_tokens'],
    [withMembers('"max_tokens":[1]'), 'max_tokens'],
    [withMembers('"stream":1,"max_tokens":0'), 'max_tokens'],
    [withMembers('"stream":"true"'), 'stream'],
    [withMembers('"stream":{}'), 'stream'],
    [withMembers('"stream":null'), 'stream'],
    [withMembers('"metadata":{"user_id":null}'), null],
    [withMembers('"metadata":null'), null],
    [withMembers('"metadata":{"user_id":7}'), 'metadata.user_id'],
    [withMembers('"metadata":{"user_id":{}}'), 'metadata.user_id'],
    [withMembers(`"metadata":{"user_id":"${'u'.repeat(4097)}"}`), 'metadata.user_id'],
    [withMembers('"system":7,"tools":"none","unknown":[{}]'), null],
  ];
  for (const [body, path] of cases) assert.equal(factsOf(body).fieldError?.path ?? null, path, body.slice(0, 80));
});

test('of equal keys the last counts, also when it is written with escapes', () => {
  assert.equal(factsOf('{"model":"a","messages":[],"mod\\u0065l":"b"}').model, 'b');
  assert.equal(factsOf('{"model":7,"messages":{},"model":"a","messages":[]}').fieldError, null);
  assert.equal(factsOf(withMembers('"stream":true,"stream":false')).stream, false);
  assert.equal(factsOf(withMembers('"max_tokens":"x","max_tokens":5')).maxTokens, 5);
  const userId = (metadata: string): string | null => factsOf(withMembers(metadata)).userId;
  assert.equal(userId('"metadata":{"user_id":"a"},"metadata":{}'), null);
  assert.equal(userId('"metadata":{"user_id":"a"},"metadata":7'), null);
  assert.equal(userId('"metadata":{"user_id":"a","user_id":"b"}'), 'b');
  assert.equal(userId('"metadata":{"user_id":7,"\\u0075ser_id":"c"}'), 'c');
});

test('texts, markers and counts of a value that a later equal key replaces do not count', () => {
  const content = '[{"text":"old","cache_control":{}},{"content":[{"text":"older"}]}]';
  const cases: [message: string, texts: string[], markers: number][] = [
    [`{"content":${content},"text":"kept","content":"new"}`, ['kept', 'new'], 0],
    [`{"text":"a","content":${content},"text":"b"}`, ['old', 'older', 'b'], 1],
    [`{"content":"x","content":${content}}`, ['old', 'older'], 1],
    [`{"content":${content},"content":null}`, [], 0],
    ['{"text":"a","text":7}', [], 0],
    ['{"cache_control":{},"cache_control":null}', [], 0],
    ['{"cache_control":{},"cache_control":{}}', [], 1],
    ['{"content":[{"content":[{"text":"a"}],"content":[{"text":"b"}],"text":"c"}],"text":"d"}', ['b', 'c', 'd'], 0],
  ];
  for (const [message, expected, markers] of cases) {
    const body = `{"model":"m","messages":[${message}]}`;
    const facts = factsOf(body);
    assert.deepEqual(texts(body, facts.messageSpans), expected, message);
    assert.equal(facts.textBytes, expected.join('').length, message);
    assert.equal(facts.cacheMarkers, markers, message);
  }
  const twice = factsOf('{"model":"m","messages":[{"content":"a"},{"content":"b"}],"messages":[{"content":"c"}]}');
  assert.deepEqual([twice.messagesCount, twice.textBytes], [1, 1]);
});

test('a fault is reported with the offset of the first bad byte', () => {
  const cases: [body: string | Uint8Array, offset: number, reason: RegExp][] = [
    ['', 0, /ends too early/],
    ['  ', 2, /ends too early/],
    ['{"a":1', 6, /ends too early/],
    ['{"a', 3, /ends too early/],
    ['{"a":tru', 8, /ends too early/],
    ['"\\u12', 5, /ends too early/],
    ['"\\', 2, /ends too early/],
    ['-', 1, /ends too early/],
    ['1e', 2, /ends too early/],
    ['{} x', 3, /nothing after/],
    ['{}{}', 2, /nothing after/],
    ['{"a":1,}', 7, /property name/],
    ['{,}', 1, /property name or '}'/],
    ['{"a" 1}', 5, /':'/],
    ['{"a":}', 5, /a value/],
    ['[1,]', 3, /a value/],
    ['[1 2]', 3, /','/],
    ['[1}', 2, /','/],
    ['{"a":1]', 6, /','/],
    [']', 0, /a value/],
    ['[truE]', 4, /a value/],
    ['[nul]', 4, /a value/],
    ['[01]', 2, /','/],
    ['[-a]', 2, /number/],
    ['[1.]', 3, /number/],
    ['[1e+]', 4, /number/],
    ['[+1]', 1, /a value/],
    ['[.5]', 1, /a value/],
    ['["a\nb"]', 3, /control character/],
    ['["\\x"]', 3, /escape/],
    ['["\\u12G4"]', 6, /escape/],
    ['[\u00a0]', 1, /a value/],
    ["{'a':1}", 1, /property name/],
    ['[\x00]', 1, /a value/],
    [Buffer.from([0x22, 0x61, 0xff, 0x22]), 2, /UTF-8/],
    [Buffer.from([0x22, 0x61, 0xe2, 0x82, 0x22]), 2, /UTF-8/],
    [Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), 1, /UTF-8/],
    [Buffer.from([0x5b, 0x78, 0x22, 0xff]), 1, /a value/],
    [Buffer.from([0x22, 0x61, 0xf0, 0x9f]), 2, /UTF-8/],
  ];
  for (const [body, offset, reason] of cases) {
    const error = errorOf(body);
    assert.equal(error.offset, offset, `${JSON.stringify(String(body))}: ${error.reason}`);
    assert.match(error.reason, reason);
  }
});

test('legal but rare JSON is accepted', () => {
  const rare = [
    ' \t\r\n{ } \n',
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"\u2028\x7f"',
    '-0.0E-0',
    '\ufeff{}',
    '{"":{"":[]}}',
    '[[],{}]',
  ];
  for (const body of rare) assert.ok(!isScanError(scan(bytesOf(body), DEPTH_MAX)), JSON.stringify(body));
});

test('a byte order mark is left out, but only one, and offsets count it', () => {
  assert.equal(factsOf(`\ufeff${withMembers('')}`).modelStart, 3 + withMembers('').indexOf('"m"'));
  assert.equal(errorOf('\ufeff\ufeff{}').offset, 3);
  assert.equal(errorOf('\ufeff').offset, 3);
});

test('nesting is refused beyond its bound, at the bracket that goes beyond', () => {
  const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  assert.ok(!isScanError(scan(bytesOf(nested(DEPTH_MAX)), DEPTH_MAX)));
  assert.deepEqual(errorOf(nested(DEPTH_MAX + 1)), {
    offset: DEPTH_MAX,
    reason: `nested deeper than ${DEPTH_MAX} levels`,
  });
  const deep = scan(bytesOf(nested(1_000_000)), 256);
  assert.ok(isScanError(deep) && deep.offset === 256);
});

test('slices of every size give the same answer as one go', () => {
  const message = '{"content":[{"text":"a\\u00e9漢😀\\n","cache_control":{}},{"content":"xyz"}]}';
  const whole = `{"max_tokens":1024.0e0,"stream":true, "model":"m\\u0041","messages":[${message},true],"metadata":{"user_id":"u"}}`;
  const cut = Buffer.concat([bytesOf(whole.slice(0, 90)), Buffer.of(0xf0, 0x9f, 0x98)]);
  for (const body of [bytesOf(whole), cut, bytesOf(`${whole}x`), bytesOf('12345.678e9'), bytesOf('\ufeff[1,2]')]) {
    const expected = scan(body, DEPTH_MAX);
    for (let size = 1; size <= body.length; size++) {
      const scanner = new Scanner(body, DEPTH_MAX);
      let result = scanner.step(size);
      while (result === 'more') result = scanner.step(size);
      assert.deepEqual(result, expected, `slices of ${size}`);
      if (!isScanError(result)) assert.equal(scanner.scannedBytes, body.length);
    }
  }
});

test('a step reads no more than its bytes, whether they are one string, space, digits or brackets', () => {
  const size = 300_000;
  const pieces = [
    '"'.concat('A'.repeat(size), '"'),
    ' '.repeat(size).concat('1'),
    '1'.repeat(size),
    '[],'.repeat(size / 3).concat('1'),
  ];
  for (const piece of pieces) {
    const body = bytesOf(withMembers(`"x":[${piece}]`));
    const scanner = new Scanner(body, DEPTH_MAX);
    let steps = 1;
    for (let before = 0; scanner.step(10_000) === 'more'; steps++) {
      assert.ok(scanner.scannedBytes - before <= 10_000 + 8);
      before = scanner.scannedBytes;
    }
    assert.ok(steps >= size / 10_000);
    assert.equal(scanner.scannedBytes, body.length);
  }
});

test('a scanner starts afresh with another body', () => {
  const scanner = new Scanner(bytesOf(withMembers('"stream":true,"tools":[1,2],"system":"s"')), DEPTH_MAX);
  const first = scanner.finish();
  assert.ok(!isScanError(first) && first.stream && first.toolsCount === 2);
  scanner.reset(bytesOf('[['), DEPTH_MAX);
  assert.ok(isScanError(scanner.finish() as ScanError));
  scanner.reset(bytesOf(withMembers('')), DEPTH_MAX);
  assert.deepEqual(scanner.finish(), factsOf(withMembers('')));
});

test('texts beyond the bound of spans still count as bytes', () => {
  const count = 70_000;
  const body = `{"model":"m","messages":[${'{"content":"ab"},'.repeat(count)}{"content":"c"}]}`;
  const facts = factsOf(body);
  assert.equal(facts.textBytes, 2 * count + 1);
  assert.equal(facts.messageSpans.length, 2 * 65_536);
  assert.equal(facts.messagesCount, count + 1);
});
