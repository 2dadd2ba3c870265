/**
 * Puts the command-line clients through their scenarios against a gateway of their own, by hand: they are heavy, and have licences of
 * their own. README.md beside the folder says how they are installed.
 *
 *   npm run clients -- --folder DIR [--client NAME] [--scenario TEXT] [--scratch DIR] [--keep DIR]
 *
 * Runs in a network of its own with nothing but loopback, so that no client reaches anybody: it starts itself again in one, and does
 * nothing where the system does not grant that. A client that is not installed is named and left out.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { Protocol } from '#base/protocols.ts';
import { CLAUDE_CODE } from './claude-code.ts';
import type { CliClient } from './cli-client.ts';
import { CODEX } from './codex.ts';
import { GEMINI_CLI } from './gemini-cli.ts';
import { enterIsolation, isIsolated } from './isolation.ts';
import { findClient, isInstalled } from './run-client.ts';
import { type Scenario, scenariosOf, type Variant } from './scenarios.ts';
import { Stage } from './stage.ts';
import type { TappedExchange } from './wire-tap.ts';

const VARIANTS: readonly { client: CliClient; protocol: Protocol; modes: string[]; group: string; name: string }[] = [
  { client: CLAUDE_CODE, protocol: 'messages', modes: [], group: 'main', name: 'Claude Code' },
  { client: CODEX, protocol: 'responses', modes: [], group: 'main', name: 'Codex' },
  { client: CODEX, protocol: 'responses', modes: ['websocket'], group: 'socket', name: 'Codex over WebSocket' },
  { client: CODEX, protocol: 'responses', modes: ['builtin'], group: 'socket', name: 'Codex, its own provider' },
  { client: GEMINI_CLI, protocol: 'gemini', modes: [], group: 'main', name: 'Gemini CLI' },
];

const { values } = parseArgs({
  options: {
    folder: { type: 'string' },
    client: { type: 'string' },
    scenario: { type: 'string' },
    keep: { type: 'string' },
    scratch: { type: 'string', default: join(homedir(), '.cache') },
    help: { type: 'boolean', default: false },
  },
});

const HELP = `npm run clients -- --folder DIR [OPTIONS]

Puts Claude Code, Codex and Gemini CLI through their scenarios against a gateway of their own, in a network with nothing but loopback.

  --folder DIR      where they were installed: npm install --prefix DIR @anthropic-ai/claude-code @openai/codex @google/gemini-cli
  --client NAME     ${VARIANTS.map(({ name }) => name).join('; ')} (or a part of a name)
  --scenario TEXT   those whose name has this in it
  --keep DIR        writes what was asked and answered into this folder; credentials are the gateway's own
  --scratch DIR     homes of the clients are made here and removed (~/.cache)
  --help            this text`;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function play(stage: Stage, variant: Variant, { name, play: act }: Scenario): Promise<boolean> {
  try {
    say(`  ✔ ${name}: ${await act(stage, variant)}`);
    return true;
  } catch (error) {
    say(`  ✖ ${name}: ${error instanceof Error ? error.message : error}`);
    return false;
  }
}

const wanted = VARIANTS.filter(({ name }) => name.toLowerCase().includes((values.client ?? '').toLowerCase()));

async function playAll(folder: string, scratch: string): Promise<boolean> {
  let good = true;
  const stage = await Stage.start(scratch);
  try {
    for (const { client, name, ...how } of wanted) {
      if (!isInstalled(client, folder)) {
        sayMissing(name, client, folder);
        continue;
      }
      const installed = await findClient(client, folder, scratch);
      say(`${name}, ${installed.version}`);
      const variant = { installed, ...how };
      for (const scenario of scenariosOf(variant)) {
        if (values.scenario !== undefined && !scenario.name.includes(values.scenario)) continue;
        good = (await play(stage, variant, scenario)) && good;
        keep(`${name} ${scenario.name}`, stage.shown.splice(0));
      }
    }
  } finally {
    await stage.close();
  }
  return good;
}

/** Writes what the client asked and was answered into the folder that was named. */
function keep(title: string, exchanges: readonly TappedExchange[]): void {
  if (values.keep === undefined) return;
  mkdirSync(values.keep, { recursive: true });
  const told = exchanges.map(({ method, path, request, status, answer }) => ({
    request: [`${method} ${path}`, request.headers, request.body.toString()],
    answer: [status, answer?.headers, answer?.body.toString()],
  }));
  writeFileSync(join(values.keep, `${title.replaceAll(/\W+/g, '-')}.json`), JSON.stringify(told, null, 1));
}

function sayMissing(name: string, client: CliClient, folder: string): void {
  say(`${name}: skipped, ${client.package} is not installed in ${folder}`);
}

async function playIsolated(folder: string): Promise<number> {
  mkdirSync(values.scratch, { recursive: true });
  const scratch = mkdtempSync(join(values.scratch, 'penstock-clients-'));
  try {
    return (await playAll(folder, scratch)) ? 0 : 1;
  } finally {
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function main(): Promise<number> {
  if (values.help) {
    say(HELP);
    return 0;
  }
  if (values.folder === undefined) throw new Error('--folder DIR: where the clients were installed');
  const folder = resolve(values.folder);
  if (wanted.some(({ client }) => isInstalled(client, folder))) {
    return isIsolated() ? playIsolated(folder) : enterIsolation();
  }
  for (const { name, client } of wanted) sayMissing(name, client, folder);
  return 0;
}

process.exitCode = await main();
