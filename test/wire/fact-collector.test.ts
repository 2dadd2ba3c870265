import assert from 'node:assert/strict';
import { test } from 'node:test';
import { factsOf, texts, withMembers } from './scan-results.ts';

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

test('thinking that a crossing carried to the client is seen by its mark, in its place only', () => {
  const message = (block: object): string =>
    withMembers(`"messages":[{"role":"assistant","content":[${JSON.stringify(block)}]}]`);
  const cases: [block: object, carries: boolean][] = [
    [{ type: 'thinking', thinking: 'hm', signature: 'penstock-unsigned' }, true],
    [{ type: 'thinking', thinking: 'hm', signature: 'penstock' }, false],
    [{ type: 'thinking', thinking: 'hm', signature: 'EqQB' }, false],
    [{ type: 'text', text: 'penstock-unsigned' }, false],
    [{ type: 'tool_use', id: 't', name: 'f', input: { signature: 'penstock-unsigned' } }, false],
  ];
  for (const [block, carries] of cases) assert.equal(factsOf(message(block)).carriesThinking, carries);
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
    [withMembers('"max_tokens":999999999999999'), null],
    [withMembers('"max_tokens":9007199254740991'), null],
    [withMembers('"max_tokens":9007199254740993'), 'max_tokens'],
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

test('texts beyond the bound of spans still count as bytes', () => {
  const count = 70_000;
  const body = `{"model":"m","messages":[${'{"content":"ab"},'.repeat(count)}{"content":"c"}]}`;
  const facts = factsOf(body);
  assert.equal(facts.textBytes, 2 * count + 1);
  assert.equal(facts.messageSpans.length, 2 * 65_536);
  assert.equal(facts.messagesCount, count + 1);
});
