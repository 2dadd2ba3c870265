/**
 * `config` and `doctor`: these work without a running gateway too.
 */
import { printable, printConfig } from '#config/print.ts';
import type { Call, Command } from './command.ts';
import { examine } from './doctor.ts';
import { renderTable } from './table.ts';

export const configCommands: readonly Command[] = [
  {
    name: 'config',
    positionals: [],
    summary: 'the effective configuration; secrets are a mark',
    options: {},
    run: showConfig,
  },
  {
    name: 'doctor',
    positionals: [],
    summary: 'check configuration, memory bound, prices, ports, database and the running gateway',
    options: {},
    run: doctor,
  },
];

async function showConfig({ settings, json, output }: Call): Promise<number> {
  const { config, catalog, warnings } = settings.loaded();
  await output.out(json ? JSON.stringify(printable(config, catalog)) : printConfig(config, catalog));
  for (const warning of warnings) await output.note(`warning: ${warning}`);
  return 0;
}

async function doctor({ settings, json, output }: Call): Promise<number> {
  const checks = await examine(settings);
  const table = renderTable(
    [
      { title: 'check', cell: (check) => check.name },
      { title: 'finding', cell: (check) => check.status },
      { title: '', cell: (check) => check.text },
    ],
    checks,
    '',
  );
  await output.out(json ? JSON.stringify(checks) : table);
  return checks.some((check) => check.status === 'fail') ? 1 : 0;
}
