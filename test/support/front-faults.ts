/** Asks one front for a fault (`test.crashHeader`), on a connection that is known to lead to it. */
import { Agent } from 'node:http';
import type { TestGateway } from './gateway.ts';
import { send } from './http-client.ts';
import { metric } from './metrics.ts';
import { waitFor } from './wait-for.ts';

/** A connection to this front and to no other. Use it at once: idle ones are closed. */
export async function connectTo(base: string, front: string): Promise<Agent> {
  return waitFor(`a connection to front ${front}`, async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    // Refused for its missing key: the cheapest answer that names its front.
    const answer = await send(base, { body: {}, agent }).catch(() => null);
    if (answer?.front === front) return agent;
    agent.destroy();
    return false;
  });
}

/** Resolves when the request that carried the fault was answered, or its connection has ended. */
export async function askForFault(base: string, front: string, fault: string): Promise<void> {
  const agent = await connectTo(base, front);
  await send(base, { method: 'GET', path: '/nowhere', headers: { 'x-penstock-test': fault }, agent }).catch(() => {});
  agent.destroy();
}

/** Every front listens. */
export async function allFrontsListen(gateway: TestGateway): Promise<void> {
  await waitFor(
    'every front to listen',
    async () => {
      const metrics = await gateway.metrics();
      return metric(metrics, 'penstock_fronts_alive') === metric(metrics, 'penstock_fronts_wanted');
    },
    { boundMs: 60_000 },
  );
}

/** Ends one front, which another one replaces; resolves when all listen again. */
export async function crashFront(gateway: TestGateway, front: string, fault = 'crash-front'): Promise<void> {
  const lost = async () => metric(await gateway.metrics(), 'penstock_fronts_lost_total');
  const before = await lost();
  await askForFault(gateway.url, front, fault);
  await waitFor(`the end of front ${front}`, async () => (await lost()) > before);
  await allFrontsListen(gateway);
}
