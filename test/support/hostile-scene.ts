/**
 * What the tests of hostile clients share: one gateway and one upstream a file, a label a case, and what has to hold after every
 * case, whatever the client did: nothing is open, nothing is held, other clients are served.
 */
import assert from 'node:assert/strict';
import { closeAll } from './close-all.ts';
import { account, type ConfigPatch, KEY, standardCatalog, TestGateway } from './gateway.ts';
import { question, send } from './http-client.ts';
import { type Plan, Upstream } from './upstream.ts';

export const NARROW_KEY = `${KEY}-narrow`;

export class HostileScene {
  readonly upstream: Upstream;
  readonly gateway: TestGateway;

  private constructor(upstream: Upstream, gateway: TestGateway) {
    this.upstream = upstream;
    this.gateway = gateway;
  }

  /** `plan` by the label of a request. With a second group, whose key is NARROW_KEY and whose one account serves one at a time. */
  static async start(patch: ConfigPatch = {}, plan: (label: string) => Plan = () => ({})): Promise<HostileScene> {
    const upstream = await Upstream.start({ plan: ({ label }) => plan(label) });
    const catalog = standardCatalog(upstream.url);
    catalog['groups']!.push({ name: 'narrow' });
    catalog['accounts']!.push(account('narrow', upstream.url, { groups: ['narrow'], concurrency: 1 }));
    catalog['keys']!.push({ user: 'u1', group: 'narrow', key: NARROW_KEY });
    try {
      const gateway = await TestGateway.start({ catalog, ...patch });
      return new HostileScene(upstream, gateway);
    } catch (error) {
      await upstream.close();
      throw error;
    }
  }

  get url(): string {
    return this.gateway.url;
  }

  /** Bodies and raw queries of what the upstream got for this label. */
  arrived(label: string): Buffer[] {
    return this.upstream.received.filter((request) => request.label === label).map(({ body }) => body);
  }

  /** Nothing is open or held, and an ordinary client is served. */
  async assertUnharmed(): Promise<void> {
    await this.gateway.assertIdle();
    const answer = await send(this.url, { key: KEY, body: question('bystander') });
    assert.equal(answer.status, 200, answer.body.toString());
  }

  async stop(): Promise<void> {
    await closeAll(
      () => this.gateway.stop(),
      () => this.upstream.close(),
    );
  }
}

/** The body of a question as text. */
export function questionText(label: string, fields: object = {}): string {
  return JSON.stringify(question(label, fields));
}
