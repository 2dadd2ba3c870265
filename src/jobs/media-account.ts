/**
 * The API of image and video jobs as an account of platform `sora` has it: OpenAI's, whose paths the account's `settings` may replace.
 * Says what was answered in words that do not depend on the vendor. Primary only.
 *
 *   setting            default                   used for
 *   videosPath         /videos                   POST: create · GET: list (after a crash) · GET …/{id}: poll · GET …/{id}/content: the file
 *   remixPath          /videos/{id}/remix        POST {"prompt"}: a video made anew
 *   imagesPath         /images/generations       POST: pictures, at once
 *
 * Paths are behind the base URL with its version (`relay/target.ts`). Source: platform.openai.com/docs/api-reference/videos.
 */
import type { Agent } from 'node:http';
import { makeTarget } from '#relay/target.ts';
import type { SnapshotAccount } from '#threads/protocol.ts';
import type { MediaRequest } from '#wire/media-job.ts';
import { formBody } from './form-body.ts';
import { callHttp, type HttpAnswer } from './http-call.ts';
import { type JobStatus, readJobStatus } from './job-status.ts';

export interface AccountRules {
  /** Looks at jobs never wait behind requests that make pictures. */
  agents: Record<'POST' | 'GET', Agents>;
  createTimeoutMs: number;
  pollTimeoutMs: number;
  /** Of an answer with pictures in it. */
  pictureBytesMax: number;
}

export interface Agents {
  http: Agent;
  https: Agent;
}

const STATUS_BYTES_MAX = 256 * 1024;
const LIST_BYTES_MAX = 4 * 1024 * 1024;
const LISTED = 100;

export class MediaAccount {
  readonly #account: SnapshotAccount;
  readonly #rules: AccountRules;
  readonly #origin: string;
  readonly #base: string;
  readonly #headers: Record<string, string>;

  constructor(account: SnapshotAccount, rules: AccountRules) {
    const target = makeTarget(account);
    this.#account = account;
    this.#rules = rules;
    this.#origin = target.origin;
    this.#base = target.base;
    this.#headers = pairs(target.headers);
  }

  /** The model as this account knows it: its own map has the client's name, or the one that the name stands for. */
  modelFor(clientModel: string, standsFor: string): string {
    const { modelMap } = this.#account;
    if (Object.hasOwn(modelMap, clientModel)) return modelMap[clientModel]!;
    return Object.hasOwn(modelMap, standsFor) ? modelMap[standsFor]! : standsFor;
  }

  /** With the picture whose bytes are there. */
  createVideo(job: MediaRequest & { id: string }, model: string, signal: AbortSignal): Promise<HttpAnswer> {
    const path = job.remixOf === null ? videosPath(this.#account) : this.#remixPath(job.remixOf);
    if (job.remixOf !== null) return this.#post(path, job.id, { prompt: job.prompt }, STATUS_BYTES_MAX, signal);
    const fields = { model, prompt: job.prompt, seconds: String(job.seconds), size: job.size };
    const picture = job.image !== null && 'bytes' in job.image ? job.image : null;
    const { body, type } = formBody(fields, picture);
    return this.#call(
      'POST',
      path,
      { headers: { 'content-type': type, ...repeatable(job.id) }, body },
      STATUS_BYTES_MAX,
      signal,
    );
  }

  makeImage(job: MediaRequest & { id: string }, model: string, signal: AbortSignal): Promise<HttpAnswer> {
    const quality = job.quality === '' ? {} : { quality: job.quality };
    const fields = { model, prompt: job.prompt, size: job.size, ...quality, n: 1 };
    return this.#post(
      setting(this.#account, 'imagesPath', '/images/generations'),
      job.id,
      fields,
      this.#rules.pictureBytesMax,
      signal,
    );
  }

  poll(upstreamId: string, signal: AbortSignal): Promise<HttpAnswer> {
    const path = `${videosPath(this.#account)}/${encodeURIComponent(upstreamId)}`;
    return this.#call('GET', path, null, STATUS_BYTES_MAX, signal);
  }

  /** The newest jobs; null when the account does not tell. */
  async listVideos(signal: AbortSignal): Promise<JobStatus[] | null> {
    const query = `?limit=${LISTED}&order=desc`;
    const answer = await this.#call('GET', videosPath(this.#account) + query, null, LIST_BYTES_MAX, signal);
    if (answer.status === 429 || answer.status >= 500) throw new Error(`the list of jobs: status ${answer.status}`);
    if (answer.status !== 200) return null;
    const { data } = Object(parse(answer.body)) as { data?: unknown };
    return Array.isArray(data) ? data.map(readJobStatus) : null;
  }

  #remixPath(id: string): string {
    return setting(this.#account, 'remixPath', '/videos/{id}/remix').replace('{id}', encodeURIComponent(id));
  }

  #post(path: string, jobId: string, fields: object, bytesMax: number, signal: AbortSignal): Promise<HttpAnswer> {
    const headers = { 'content-type': 'application/json', ...repeatable(jobId) };
    return this.#call('POST', path, { headers, body: Buffer.from(JSON.stringify(fields)) }, bytesMax, signal);
  }

  #call(
    method: 'GET' | 'POST',
    path: string,
    sent: { headers: Record<string, string>; body: Uint8Array } | null,
    bytesMax: number,
    signal: AbortSignal,
  ): Promise<HttpAnswer> {
    const { agents, createTimeoutMs, pollTimeoutMs } = this.#rules;
    const url = new URL(this.#origin + this.#base + path);
    return callHttp({
      method,
      url,
      headers: { ...this.#headers, ...sent?.headers },
      body: sent?.body ?? null,
      ca: this.#account.ca,
      agent: url.protocol === 'https:' ? agents[method].https : agents[method].http,
      timeoutMs: method === 'POST' ? createTimeoutMs : pollTimeoutMs,
      bytesMax,
      signal,
    });
  }
}

/** Behind the account's base: where the file of a video is. */
export function contentPath(account: SnapshotAccount, upstreamId: string): string {
  return `${videosPath(account)}/${encodeURIComponent(upstreamId)}/content`;
}

/** The JSON of an answer; null when it is none. */
export function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return null;
  }
}

function videosPath(account: SnapshotAccount): string {
  return setting(account, 'videosPath', '/videos');
}

function setting({ settings }: SnapshotAccount, name: string, otherwise: string): string {
  const value = settings[name];
  return typeof value === 'string' && value.startsWith('/') ? value.replace(/\/+$/, '') : otherwise;
}

/** An upstream that knows the header makes one job of two requests. */
function repeatable(jobId: string): Record<string, string> {
  return { 'idempotency-key': jobId };
}

function pairs(list: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (let i = 0; i < list.length; i += 2) headers[list[i]!] = list[i + 1]!;
  return headers;
}
