/**
 * Tries an account's address and credential with the cheapest request there is. Runs on primary with Node's own client, apart
 * from the relay path and its pools; follows no redirect, repeats nothing of what the upstream wrote.
 */

import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';

const TIMEOUT_MS = 15_000;
/** For upstreams without a list of models and accounts that name none themselves. */
const MODEL = 'claude-haiku-4-5';

export interface AccountToTest {
  baseUrl: string;
  apiKey: string;
  models: string[] | null;
  /** PEM of the upstream's private certificate authority, or null. */
  ca: string | null;
}

export interface AccountFinding {
  ok: boolean;
  /** What was asked: `GET /v1/models`, or a message of one token where there is no such list. */
  probe: string;
  /** HTTP status; null when there was no answer. */
  httpStatus: number | null;
  latencyMs: number;
  /** For people; never holds the credential. */
  text: string;
}

export async function testAccount(account: AccountToTest): Promise<AccountFinding> {
  const listing = await probe(account, 'GET /v1/models', '/v1/models?limit=1', null);
  if (listing.httpStatus !== 404 && listing.httpStatus !== 405) return listing;
  const model = account.models?.find((name) => !name.endsWith('*')) ?? MODEL;
  const message = { model, max_tokens: 1, messages: [{ role: 'user', content: 'Hi' }] };
  return probe(account, `POST /v1/messages (${model}, 1 token)`, '/v1/messages', JSON.stringify(message));
}

async function probe(account: AccountToTest, name: string, path: string, body: string | null): Promise<AccountFinding> {
  const startMs = performance.now();
  const spentMs = () => Math.round(performance.now() - startMs);
  try {
    const status = await statusOf(account, path, body);
    return { ok: status === 200, probe: name, httpStatus: status, latencyMs: spentMs(), text: meaning(status) };
  } catch (error) {
    return {
      ok: false,
      probe: name,
      httpStatus: null,
      latencyMs: spentMs(),
      text: faultText(error as NodeJS.ErrnoException),
    };
  }
}

/** Verified against the account's own authority where it has one; the body of the answer is not read. */
function statusOf({ baseUrl, apiKey, ca }: AccountToTest, path: string, body: string | null): Promise<number> {
  const url = new URL(baseUrl.replace(/\/+$/, '') + path);
  const options = {
    method: body === null ? 'GET' : 'POST',
    headers: {
      'x-api-key': apiKey,
      'anthropic-version': '2023-06-01',
      ...(body === null ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
    },
    agent: false as const,
    signal: AbortSignal.timeout(TIMEOUT_MS),
    ...(ca === null ? {} : { ca }),
  };
  return new Promise((resolve, reject) => {
    const answered = (response: IncomingMessage): void => {
      resolve(response.statusCode ?? 0);
      response.destroy();
    };
    const request: ClientRequest =
      url.protocol === 'https:' ? httpsRequest(url, options, answered) : httpRequest(url, options, answered);
    request.on('error', reject);
    request.end(body ?? undefined);
  });
}

function meaning(status: number): string {
  if (status === 200) return 'the account works';
  if (status === 401 || status === 403) return 'the upstream refuses the credential';
  if (status === 429 || status === 529) return 'the credential is accepted, the upstream asks for patience';
  if (status >= 300 && status < 400) return 'the address redirects: is the base URL right?';
  if (status === 404 || status === 405) return 'nothing speaks the protocol there: is the base URL right?';
  return 'the upstream failed';
}

/** The code of a transport fault: ECONNREFUSED, DEPTH_ZERO_SELF_SIGNED_CERT, … */
function faultText(error: NodeJS.ErrnoException): string {
  if (error.name === 'AbortError' || error.name === 'TimeoutError') return `no answer within ${TIMEOUT_MS / 1000} s`;
  const { code } = error;
  return code === undefined ? 'the upstream could not be reached' : `the upstream could not be reached (${code})`;
}
