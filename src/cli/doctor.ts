/**
 * What `doctor` looks at: first what can be seen from outside (configuration, memory bound, descriptors, prices, ports, database),
 * then what the running gateway says about itself.
 */
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { ConfigError } from '#config/config-error.ts';
import { checkLimits, connectionBound, frontCount, worstCase } from '#config/limits.ts';
import { DEFAULT_FILE, type LoadedConfig } from '#config/load.ts';
import { readOpenFilesMax } from '#config/open-files.ts';
import type { Config } from '#config/schema.ts';
import { reveal } from '#config/secret.ts';
import { checkTlsFiles } from '#config/tls-files.ts';
import { readAnnouncement } from '#control/announce.ts';
import type { Check } from '#control/context.ts';
import { loadPrices, type Price, type PriceTable } from '#meter/prices.ts';
import { findControl } from './control-client.ts';
import type { Settings } from './settings.ts';

const MIB = 1_048_576;

export async function examine(settings: Settings): Promise<Check[]> {
  const loaded = attempt('configuration', () => settings.loaded());
  if ('status' in loaded) return [loaded];
  const { config } = loaded;
  const checks = [checkConfiguration(loaded), checkTls(config), ...checkBounds(config), ...checkPrices(config)];
  const running = settings.options.control !== undefined || isRunning(settings);
  return [...checks, ...(running ? await askGateway(settings) : await checkStopped(config))];
}

function checkConfiguration({ warnings }: LoadedConfig): Check {
  if (warnings.length === 0) return { name: 'configuration', status: 'ok', text: 'valid' };
  return { name: 'configuration', status: 'warn', text: warnings.join('; ') };
}

function checkBounds(config: Config): Check[] {
  const fronts = frontCount(config);
  const openFilesMax = readOpenFilesMax();
  const { lines, totalBytes } = worstCase(config, fronts);
  const sum = Math.ceil(totalBytes / MIB);
  const warnings = attempt('memory', () => checkLimits(config, fronts, openFilesMax));
  if ('status' in warnings) return [warnings];
  const bound = Math.floor(config.limits.memoryBytesMax / MIB);
  const text = `at worst ${sum} MiB with ${fronts} ${fronts === 1 ? 'front' : 'fronts'}, bound ${bound} MiB`;
  const checks: Check[] = [{ name: 'memory', status: 'ok', text }];
  for (const line of lines) {
    checks.push({
      name: '  of it',
      status: 'ok',
      text: `${Math.ceil(line.bytes / MIB)} MiB ${line.name}: ${line.why}`,
    });
  }
  checks.push(checkDescriptors(config, fronts, openFilesMax));
  return [...checks, ...warnings.map((warning): Check => ({ name: 'limits', status: 'warn', text: warning }))];
}

/** Of this shell: a service may be granted another number, which the gateway's own log names. */
function checkDescriptors(config: Config, fronts: number, openFilesMax: number | null): Check {
  const bound = connectionBound(config, fronts, openFilesMax);
  const granted = openFilesMax === null ? 'no known bound' : `${openFilesMax} granted here`;
  return { name: 'open files', status: 'ok', text: `${granted}, so each front accepts ${bound} connections` };
}

function checkTls({ listen }: Config): Check {
  const checked = attempt('tls', () => checkTlsFiles(listen));
  if (checked !== undefined) return checked;
  return { name: 'tls', status: 'ok', text: listen.tls === null ? 'off' : 'certificate and key fit' };
}

function checkPrices(config: Config): Check[] {
  const { file, fallback } = config.pricing;
  const path = file === null ? join(DEFAULT_FILE, '..', 'prices.json') : resolve(file);
  const table = attempt('prices', () => loadPrices(path, fallback));
  if ('status' in table) return [table];
  const unknown = table.fallback === null ? 'other models are refused' : 'other models have the fallback price';
  const dates = [...new Set(table.sources.map(({ date }) => date))].sort();
  const text = `${table.prices.size} names, as of ${dates.join(' and ')}; ${unknown}`;
  return [{ name: 'prices', status: 'ok', text }, overdraft(config, table)];
}

/** Pico-USD a token are micro-USD per million tokens, so millionths of the dollars that people know. */
const PICO_PER_USD_A_MILLION = 1_000_000;

/** How far a balance can go below zero: what answers in flight may still cost beyond what is reserved for them. */
function overdraft({ budget }: Config, table: PriceTable): Check {
  const reserved = budget.outputReserveTokens;
  const dearest = Math.max(0, ...[...table.prices.values()].map(dearestOutput)) / PICO_PER_USD_A_MILLION;
  const text =
    `${reserved} output tokens are reserved for each exchange; one that asks for more can overdraw by ` +
    `(max_tokens − ${reserved}) × at most ${dearest} USD a million tokens × the multiplier of its group, a user by that times its concurrency`;
  return { name: 'overdraft', status: 'ok', text };
}

/** Of all that its answers may be billed at: text, sound, pictures, long prompts, service tiers. */
function dearestOutput(price: Price): number {
  const all = [price, ...(price.tiers?.values() ?? [])].flatMap((tier) => [tier, tier.longPrompt ?? tier]);
  return Math.max(...all.flatMap(({ output, audioOutput, imageOutput }) => [output, audioOutput, imageOutput]));
}

function isRunning(settings: Settings): boolean {
  if (settings.env['PENSTOCK_CONTROL'] !== undefined) return true;
  const found = attempt('data folder', () => readAnnouncement(settings.dataDir()));
  return found !== null && !('status' in found);
}

async function askGateway(settings: Settings): Promise<Check[]> {
  try {
    const { checks } = await findControl(settings).get<{ checks: Check[] }>('/admin/v1/doctor');
    return checks;
  } catch (error) {
    return [{ name: 'gateway', status: 'fail', text: (error as Error).message }];
  }
}

async function checkStopped(config: Config): Promise<Check[]> {
  return [
    { name: 'gateway', status: 'warn', text: 'is not running' },
    await checkPort('data port', config.listen.host, config.listen.port),
    await checkPort('control port', config.control.host, config.control.port),
    await checkDatabase(config),
  ];
}

function checkPort(name: string, host: string, port: number): Promise<Check> {
  if (port === 0) return Promise.resolve({ name, status: 'ok', text: 'any free one' });
  return new Promise((done) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      done({ name, status: 'fail', text: `cannot listen on ${host}:${port} (${error.code ?? error.message})` });
    });
    server.listen({ host, port, exclusive: true }, () => {
      server.close(() => done({ name, status: 'ok', text: `${host}:${port} is free` }));
    });
  });
}

/** Only a database of its own can be asked while the gateway is stopped: the embedded one is stopped with it. */
async function checkDatabase({ database }: Config): Promise<Check> {
  if (database.url === null) return { name: 'database', status: 'ok', text: 'embedded, starts with the gateway' };
  const { pingDatabase } = await import('#control/bind-store.ts');
  try {
    const { version, latencyMs } = await pingDatabase(reveal(database.url), database);
    return { name: 'database', status: 'ok', text: `PostgreSQL ${version} answers in ${latencyMs.toFixed(1)} ms` };
  } catch (error) {
    return { name: 'database', status: 'fail', text: `PostgreSQL does not answer: ${(error as Error).message}` };
  }
}

function attempt<T>(name: string, run: () => T): T | Check {
  try {
    return run();
  } catch (error) {
    const text = error instanceof ConfigError ? error.problems.join('; ') : (error as Error).message;
    return { name, status: 'fail', text };
  }
}
