/** Claude Code, run with `--print`. */
import type { CliClient } from './cli-client.ts';

/** Modes: `chatty` leaves on what it does unasked, and lets it look for models (nothing but loopback is there to be reached). */
export const CLAUDE_CODE: CliClient = {
  name: 'Claude Code',
  package: '@anthropic-ai/claude-code',
  models: 'claude*',
  program: 'node_modules/.bin/claude',
  files: () => ({}),
  args: ({ prompt, model, modes }) => [
    '--print',
    prompt,
    '--output-format',
    'json',
    ...(model === null ? [] : ['--model', model]),
    ...(modes.includes('again') ? ['--continue'] : []),
    '--allowedTools',
    'Bash',
    'Agent',
  ],
  env: ({ url, key, modes }) => ({
    ANTHROPIC_BASE_URL: url,
    ANTHROPIC_AUTH_TOKEN: key,
    DISABLE_AUTOUPDATER: '1',
    ...(modes.includes('chatty')
      ? { CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY: '1' }
      : { CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1', DISABLE_TELEMETRY: '1', DISABLE_ERROR_REPORTING: '1' }),
  }),
  outlivesEnd: true,
  shellCall: (command) => ({
    id: 'toolu_1',
    name: 'Bash',
    pieces: ['{"command":', JSON.stringify(command), ',"description":"say it"}'],
  }),
  agentCall: (prompt) => ({
    id: 'toolu_2',
    name: 'Agent',
    pieces: [JSON.stringify({ description: 'look', prompt, subagent_type: 'general-purpose' })],
  }),
  aside: ({ fields }) => (Array.isArray(fields['tools']) && fields['tools'].length > 0 ? null : '{"title":"a title"}'),
};
