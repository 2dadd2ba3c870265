/**
 * What a person sees after `npm start`: where the gateway is and a request to paste. Pure text. The key is shown only when it is
 * the generated one of the demo, which exists nowhere else.
 */
import type { GatewayReady } from './gateway-process.ts';

const DEMO_MODEL = 'claude-sonnet-4-5';

export function startBanner(ready: GatewayReady): string {
  const key = ready.demoKey ?? '$PENSTOCK_KEY';
  const model = ready.demoModel ?? DEMO_MODEL;
  const lines = [
    'Penstock is ready.',
    '',
    `  gateway  ${ready.gatewayUrl}`,
    `  control  ${ready.controlUrl}`,
    ...(ready.demoKey === null ? [] : [`  key      ${ready.demoKey}`]),
    ...(ready.notes ?? []).map((note) => `  ${note}`),
    '',
    'Try it, whole and streamed, and as a client of another protocol:',
    '',
    curl(ready.gatewayUrl, key, model, false),
    '',
    curl(ready.gatewayUrl, key, model, true),
    '',
    chatCurl(ready.gatewayUrl, key, model),
    '',
  ];
  return `${lines.join('\n')}\n`;
}

/** Double quotes around the key, so that the shell fills in a variable; the body holds no single quote. */
function curl(url: string, key: string, model: string, stream: boolean): string {
  const body = {
    model,
    max_tokens: 100,
    ...(stream ? { stream } : {}),
    messages: [{ role: 'user', content: 'Hello' }],
  };
  const command = stream ? 'curl -N' : 'curl';
  return (
    `${command} ${url}/v1/messages -H "x-api-key: ${key}" -H 'content-type: application/json' ` +
    `-H 'anthropic-version: 2023-06-01' -d '${JSON.stringify(body)}'`
  );
}

function chatCurl(url: string, key: string, model: string): string {
  const body = { model, messages: [{ role: 'user', content: 'Hello' }] };
  return (
    `curl ${url}/v1/chat/completions -H "authorization: Bearer ${key}" -H 'content-type: application/json' ` +
    `-d '${JSON.stringify(body)}'`
  );
}
