import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dialectOf, matchRoute } from '#edge/routes.ts';

function routed(method: string, path: string): unknown[] {
  const { operation, own, tail, named, dialect } = matchRoute(method, path);
  return [operation?.name ?? own, tail, named, dialect.name];
}

test('each path of a protocol leads to its operation, with the path that its upstream has', () => {
  for (const [path, ...expected] of [
    ['/v1/messages', 'messages', '/messages', '', 'anthropic'],
    ['/v1/messages/count_tokens', 'count_tokens', '/messages/count_tokens', '', 'anthropic'],
    ['/v1/chat/completions', 'chat', '/chat/completions', '', 'chat'],
    ['/v1/completions', 'completions', '/completions', '', 'chat'],
    ['/v1/embeddings', 'embeddings', '/embeddings', '', 'chat'],
    ['/v1/responses', 'responses', '/responses', '', 'responses'],
    ['/responses', 'responses', '/responses', '', 'responses'],
    ['/responses/compact', 'responses_compact', '/responses/compact', '', 'responses'],
    ['/v1/responses/input_tokens', 'responses_input_tokens', '/responses/input_tokens', '', 'responses'],
    ['/v1/responses/resp_1/cancel', 'responses_stored', '/responses/resp_1/cancel', 'resp_1', 'responses'],
    ['/v1beta/models/g-1.5:generateContent', 'gemini_generate', ':generateContent', 'g-1.5', 'gemini'],
    ['/v1/models/g:streamGenerateContent', 'gemini_stream', ':streamGenerateContent', 'g', 'gemini'],
    ['/v1/models/g%3AcountTokens', 'gemini_count', ':countTokens', 'g', 'gemini'],
    ['/v1beta/tunedModels/t:embedContent', 'gemini_embed', ':embedContent', 'tunedModels/t', 'gemini'],
    ['/v1beta/models/g:batchEmbedContents', 'gemini_batch_embed', ':batchEmbedContents', 'g', 'gemini'],
  ] as const) {
    assert.deepEqual(routed('post', path), expected, path);
  }
});

test('methods tell apart what has one path', () => {
  assert.deepEqual(routed('get', '/v1/models/g'), ['models', '', 'g', 'chat']);
  assert.deepEqual(routed('get', '/v1beta/models'), ['models', '', '', 'gemini']);
  for (const method of ['get', 'delete']) {
    assert.deepEqual(routed(method, '/v1/responses/resp_1'), [
      'responses_stored',
      '/responses/resp_1',
      'resp_1',
      'responses',
    ]);
  }
  assert.equal(routed('get', '/v1/responses/resp_1/input_items')[0], 'responses_stored');
});

test('a wrong method names the right ones, in the dialect of the path', () => {
  for (const [method, path, allow, dialect] of [
    ['put', '/v1/messages', 'POST', 'anthropic'],
    ['post', '/v1/models', 'GET', 'chat'],
    ['get', '/v1beta/models/g:generateContent', 'POST', 'gemini'],
    ['put', '/v1/responses/resp_1', 'GET, DELETE', 'responses'],
  ] as const) {
    const route = matchRoute(method, path);
    assert.deepEqual([route.operation, route.own, route.allow, route.dialect.name], [null, null, allow, dialect]);
  }
});

test('paths that nobody serves are unknown, in the dialect that they suggest', () => {
  for (const [path, dialect] of [
    ['/v1/complete', 'anthropic'],
    ['/v1/chat/nothing', 'chat'],
    ['/v1/audio/speech', 'chat'],
    ['/v1/responses/a/b/c', 'responses'],
    ['/v1beta/nothing', 'gemini'],
    ['/v1beta/models/g:unknownVerb', 'gemini'],
    ['/v1beta/models/g:constructor', 'gemini'],
    ['/v1/responses/..%2f..', 'responses'],
    ['/%ff%', 'anthropic'],
    ['__proto__', 'anthropic'],
    ['constructor', 'anthropic'],
  ] as const) {
    const route = matchRoute('post', path);
    assert.deepEqual([route.operation, route.own, route.allow, route.dialect.name], [null, null, '', dialect], path);
    assert.equal(dialectOf(path).name, dialect);
  }
});
