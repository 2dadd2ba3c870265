/** Vercel's AI SDK with its three providers against a real gateway. It holds every chunk of a stream against a schema: what is not of its protocol throws. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { APICallError } from 'ai';
import { AI_CLIENTS } from '../support/ai-sdk-clients.ts';
import { ClientScene, LIMITED_KEY, useOf } from '../support/client-scene.ts';
import { KEY } from '../support/gateway.ts';
import { longScript, SCRIPT, TOOL_SCRIPT } from '../support/model-script.ts';
import { sayScript } from '../support/scripted-plan.ts';
import { PIXEL, understood } from '../support/sdk-clients.ts';

let scene: ClientScene;
before(async () => {
  scene = await ClientScene.start();
});
after(() => scene?.close());

for (const client of AI_CLIENTS) {
  const { name, model } = client;
  const question = (key = KEY, asked = model) => ({ url: scene.url, key, model: asked });

  test(`${name}: text, calls and the usage that is billed, whole and streamed`, async () => {
    for (const script of [SCRIPT, TOOL_SCRIPT]) {
      for (const how of ['ask', 'stream'] as const) {
        scene.upstream.plan = sayScript({ ...script, model });
        const { result, row } = await scene.billingOne(() => client[how](question()));
        assert.deepEqual(result, understood(script), how);
        assert.deepEqual([useOf(row), row.usageSource], [script.use, 'reported']);
      }
    }
  });

  test(`${name}: an image reaches the account`, async () => {
    scene.upstream.plan = sayScript({ ...SCRIPT, model });
    await client.ask({ ...question(), image: true });
    assert.ok(scene.upstream.received.at(-1)!.body.includes(PIXEL));
  });

  test(`${name}: an abort in the middle of a stream ends the work of the account, and is billed once`, async () => {
    scene.upstream.plan = sayScript({ ...longScript(3_000), model }, { paceMs: 15, cutBytesMax: 800 });
    await scene.abortIsBilledOnce(async () => {
      const leave = new AbortController();
      let pieces = 0;
      const onPiece = (): void => {
        if (++pieces === 5) leave.abort();
      };
      await assert.rejects(client.stream({ ...question(), signal: leave.signal, onPiece }), { name: 'AbortError' });
    });
  });

  test(`${name}: errors are APICallErrors with their status and text; those of the caller are not tried again`, async () => {
    const error = { message: 'scripted 400', type: 'invalid_request_error', code: 400, status: 'INVALID_ARGUMENT' };
    scene.upstream.plan = () => ({ status: 400, body: Buffer.from(JSON.stringify({ type: 'error', error })) });
    for (const [asked, status, text, attempts] of [
      [question(), 400, /scripted 400/, 1],
      [question('sk-ps-nobody'), 401, /not known/, 0],
      [question(KEY, 'nobody'), 404, /No account of this group/, 0],
    ] as const) {
      const made = await scene.asked(async () => {
        await assert.rejects(client.ask({ ...asked, retries: 2 }), (thrown: unknown) => {
          assert.ok(APICallError.isInstance(thrown));
          assert.deepEqual([thrown.statusCode, thrown.isRetryable], [status, false]);
          assert.match(thrown.message, text);
          return true;
        });
      });
      assert.equal(made, attempts);
    }
  });

  test(`${name}: a rate limited pool is tried again after the delay that it names`, async () => {
    let refusals = 1;
    scene.upstream.plan = (request) => (refusals-- > 0 ? { status: 429 } : sayScript({ ...SCRIPT, model })(request));
    const startedMs = performance.now();
    const { text } = await client.ask({ ...question(LIMITED_KEY), retries: 2 });
    assert.equal(text, understood(SCRIPT).text);
    assert.ok(performance.now() - startedMs > 500, 'it waited');
  });
}
