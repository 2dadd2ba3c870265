/** Codex, run with `exec`. */
import type { CliClient } from './cli-client.ts';

/**
 * Modes: `websocket`; `builtin` is the provider that it knows of itself, at another address, which also begins with a WebSocket; `compact`
 * lets it shorten its history behind any answer.
 */
export const CODEX: CliClient = {
  name: 'Codex',
  package: '@openai/codex',
  models: 'gpt*',
  program: 'node_modules/.bin/codex',
  files: () => ({}),
  args: ({ url, prompt, model, modes }) => [
    'exec',
    ...(modes.includes('again') ? ['resume', '--last'] : []),
    '--skip-git-repo-check',
    '--dangerously-bypass-approvals-and-sandbox',
    '--json',
    ...[
      ...(modes.includes('builtin') ? [`openai_base_url="${url}/v1"`] : provider(url, modes.includes('websocket'))),
      'check_for_update_on_startup=false',
      'analytics.enabled=false',
      ...(modes.includes('compact') ? ['model_auto_compact_token_limit=100'] : []),
      ...(model === null ? [] : [`model="${model}"`]),
    ].flatMap((setting) => ['-c', setting]),
    prompt,
  ],
  env: ({ key }) => ({ PENSTOCK_KEY: key, CODEX_API_KEY: key }),
  outlivesEnd: true,
  shellCall: (command) => ({ id: 'call_1', name: 'exec_command', pieces: [JSON.stringify({ cmd: command })] }),
  agentCall: () => null,
  aside: () => null,
};

function provider(url: string, websockets: boolean): string[] {
  const fields = `name="Penstock",base_url="${url}/v1",env_key="PENSTOCK_KEY",wire_api="responses"`;
  return ['model_provider="penstock"', `model_providers.penstock={${fields},supports_websockets=${websockets}}`];
}
