/**
 * The one entry of the product. What it becomes depends on its first argument:
 *
 *   (nothing), start, --options   the supervisor
 *   --gateway                     the gateway process, forked by the supervisor only
 *   cli COMMAND, COMMAND          the operator command
 *
 * Expected failures end as one line on standard error and exit code 1.
 */
import { StartupError } from '#base/startup-error.ts';
import type { GatewayToSupervisor, SupervisorToGateway } from '#threads/protocol.ts';

/** Only what a role needs is loaded: the operator command starts without the gateway's libraries. */
async function main(argv: readonly string[]): Promise<number | null> {
  const [first, ...rest] = argv;
  if (first === '--gateway') return runGateway();
  if (first === undefined || first === 'start') return runStart(rest);
  if (first.startsWith('-')) return runStart(argv);
  const { runCli } = await import('#cli/cli.ts');
  return runCli(first === 'cli' ? rest : argv);
}

async function runStart(argv: readonly string[]): Promise<number> {
  const { parseStartOptions, START_HELP } = await import('#threads/start-options.ts');
  const options = parseStartOptions(argv);
  if (options.help) {
    process.stdout.write(START_HELP);
    return 0;
  }
  // Whoever reads our output may leave before us.
  process.stdout.on('error', () => {});
  const { runSupervisor } = await import('#threads/supervisor.ts');
  return runSupervisor(options, async () => (await import('#threads/gateway-here.ts')).GatewayHere);
}

/** Null: the gateway process ends by itself once it has drained. */
async function runGateway(): Promise<null> {
  if (process.send === undefined) throw new StartupError('--gateway is for the supervisor, which forks this process');
  // A Ctrl-C or a hang-up reaches the whole process group; what it means is for the supervisor to say.
  for (const signal of ['SIGINT', 'SIGHUP']) process.on(signal, () => {});
  let serving = false;
  // Sent to this process alone, or to the whole group: it leaves its supervisor, and so drains and exits.
  process.on('SIGTERM', () => {
    if (!serving) process.exit(143);
    if (process.connected) process.disconnect();
  });
  process.once('disconnect', () => {
    if (!serving) process.exit(1);
  });
  const { runPrimary } = await import('#threads/primary.ts');
  const first = await new Promise<SupervisorToGateway>((resolve) => process.once('message', resolve));
  serving = true;
  if (first.type === 'start') await runPrimary(first.options);
  return null;
}

/** Tells a supervisor, if there is one, why the gateway process ends; then exits. */
function fail(error: unknown): void {
  const expected = error instanceof StartupError;
  const message = expected ? error.message : String(error instanceof Error ? error.stack : error);
  if (process.send === undefined) {
    process.stderr.write(`penstock: ${message}\n`);
    process.exit(1);
  }
  const fatal: GatewayToSupervisor = { type: 'fatal', message };
  process.send(fatal, undefined, undefined, () => process.exit(1));
}

try {
  const code = await main(process.argv.slice(2));
  if (code !== null) process.exit(code);
} catch (error) {
  fail(error);
}
