/** Gemini CLI, run with `--prompt`. */
import type { CliClient } from './cli-client.ts';

const SETTINGS = {
  security: { auth: { selectedType: 'gemini-api-key' } },
  privacy: { usageStatisticsEnabled: false },
  telemetry: { enabled: false },
  general: { enableAutoUpdate: false, enableAutoUpdateNotification: false },
};

export const GEMINI_CLI: CliClient = {
  name: 'Gemini CLI',
  package: '@google/gemini-cli',
  models: 'gemini*',
  program: 'node_modules/.bin/gemini',
  files: () => ({ '.gemini/settings.json': JSON.stringify(SETTINGS) }),
  args: ({ prompt, model, modes }) => [
    '--prompt',
    prompt,
    '--approval-mode',
    'yolo',
    '--output-format',
    'json',
    ...(model === null ? [] : ['--model', model]),
    ...(modes.includes('again') ? ['--resume', 'latest'] : []),
  ],
  env: ({ url, key }) => ({
    GEMINI_API_KEY: key,
    GOOGLE_GEMINI_BASE_URL: url,
    GEMINI_CLI_TRUST_WORKSPACE: 'true',
    // It warns of terminals with fewer colours.
    TERM: 'xterm-256color',
    COLORTERM: 'truecolor',
  }),
  outlivesEnd: false,
  shellCall: (command) => ({ id: 'call_1', name: 'run_shell_command', pieces: [JSON.stringify({ command })] }),
  agentCall: () => null,
  // Which model is to answer; all else is streamed, over an account of whichever protocol.
  aside: ({ url, fields }) =>
    url.includes(':streamGenerateContent') || fields['stream'] === true
      ? null
      : '{"complexity_reasoning":"short","complexity_score":1,"reasoning":"short","model_choice":"flash"}',
};
