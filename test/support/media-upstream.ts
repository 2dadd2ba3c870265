/**
 * The scripted upstream of media jobs: OpenAI's video API over memory. Each job does what its prompt's plan says; what was asked for and made
 * is kept, against which the gateway's books are compared.
 *
 *   POST /v1/videos            multipart; a job, in progress
 *   POST /v1/videos/{id}/remix JSON
 *   GET  /v1/videos            the newest jobs
 *   GET  /v1/videos/{id}       one step further with each look
 *   GET  …/content             the file, or a range of it
 *   GET  /files/{name}         the same, for whoever asks
 *   POST /v1/images/generations
 */
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';

export interface MediaPlan {
  /** Answer of the request that creates: a status, and headers, instead of a job. */
  refuse?: { status: number; headers?: Record<string, string>; body?: string };
  /** The job is made, and then its answer waits for this. */
  answerAfter?: Promise<void>;
  /** The job is made, and then whoever stands in front of the account answers with this status. */
  statusAfterMaking?: number;
  /** The job is made, and its answer does not name it. */
  nameless?: boolean;
  /** Neither a job nor an answer. */
  holdBefore?: boolean;
  /** The job is made, and the connection is reset instead of an answer. */
  resetAfterMaking?: boolean;
  /** Looks until it is done. */
  steps?: number;
  /** Not done before this. */
  doneAfter?: Promise<void>;
  ending?: 'completed' | 'failed' | 'cancelled';
  error?: string;
  /** Where the file can be had, in the job's last answer; of a picture, in its only one. */
  url?: string;
  /** Of several pictures, '' for one that is in the answer. */
  pictures?: string[];
  /** Of a picture that is in the answer; a few bytes otherwise. */
  pictureBytes?: number;
  /** Of the file that is served; `FILE` otherwise. */
  fileBytes?: number;
  /** Answer of the request for the file, instead of it. */
  refuseFile?: { status: number; headers: Record<string, string | number>; body: Buffer };
}

export interface MadeJob {
  id: string;
  apiKey: string;
  contentType: string;
  form: string;
  prompt: string;
  model: string;
  seconds: string;
  size: string;
  createdAt: number;
  looks: number;
  released: boolean;
  plan: MediaPlan;
}

export const FILE = Buffer.from('the bytes of a video '.repeat(20_000));

export class MediaUpstream {
  readonly url: string;
  readonly jobs: MadeJob[] = [];
  /** Requests that would create something, refused ones too. */
  creations: { apiKey: string; prompt: string }[] = [];
  contentKeys: string[] = [];
  /** What files were asked for with, and how much of them has been taken. */
  files: { path: string; headers: IncomingHttpHeaders; sentBytes: number; closed: boolean }[] = [];
  /** Of whatever is not a video's content. */
  fileStatus = 200;
  /** Jobs are listed; otherwise the list is not there. */
  lists = true;
  plan: (prompt: string, apiKey: string) => MediaPlan = () => ({});
  readonly #server = createServer();

  private constructor() {
    this.#server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
    this.#server.listen(0, '127.0.0.1');
    this.url = '';
  }

  static async start(): Promise<MediaUpstream> {
    const upstream = new MediaUpstream();
    await new Promise((resolve) => upstream.#server.once('listening', resolve));
    const { port } = upstream.#server.address() as AddressInfo;
    return Object.assign(upstream, { url: `http://127.0.0.1:${port}` });
  }

  /** Jobs made of this prompt. */
  made(prompt: string): MadeJob[] {
    return this.jobs.filter((job) => job.prompt === prompt);
  }

  /** Resets every connection. */
  breakFiles(): void {
    this.#server.closeAllConnections();
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    if (request.method === 'HEAD') return void response.writeHead(404).end();
    const body = Buffer.concat(chunks).toString('latin1');
    const apiKey = String(request.headers.authorization ?? '');
    const path = (request.url ?? '').split('?')[0]!;
    const [, id, rest] = /^\/v1\/videos\/([^/]+)(\/content)?$/.exec(path) ?? [];
    if (request.method === 'POST') return await this.#create(request, response, { path, body, apiKey });
    if (path === '/v1/videos') return this.#list(response);
    if (path.startsWith('/files/') && this.fileStatus !== 200)
      return void response.writeHead(this.fileStatus, { location: '/elsewhere' }).end();
    if (path.startsWith('/files/')) return this.#file(request, response, undefined);
    const job = this.jobs.find((made) => made.id === id);
    if (job === undefined) return json(response, 404, { error: { message: 'no such video' } });
    if (rest === undefined) return json(response, 200, await this.#look(job));
    this.contentKeys.push(apiKey);
    const { refuseFile: refusal } = job.plan;
    if (refusal !== undefined) return void response.writeHead(refusal.status, refusal.headers).end(refusal.body);
    this.#file(request, response, job.plan.fileBytes);
  }

  /** As a store of files answers; with headers that are nobody's business. */
  #file(request: IncomingMessage, response: ServerResponse, fileBytes: number | undefined): void {
    const total = fileBytes ?? FILE.length;
    const asked = { path: request.url ?? '', headers: request.headers, sentBytes: 0, closed: false };
    this.files.push(asked);
    response.once('close', () => {
      asked.closed = true;
    });
    const isPicture = (request.url ?? '').startsWith('/files/');
    const headers = {
      'content-type': isPicture ? 'image/png' : 'video/mp4',
      'accept-ranges': 'bytes',
      'openai-organization': 'org-secret',
      'x-ratelimit-remaining-requests': '7',
      'set-cookie': 'a=b',
    };
    const [, from = '', to = ''] = /^bytes=(\d*)-(\d*)$/.exec(String(request.headers.range ?? '')) ?? [];
    const start = from === '' && to !== '' ? Math.max(0, total - Number(to)) : Number(from);
    const end = from === '' || to === '' ? total : Math.min(total, Number(to) + 1);
    if (start >= total) {
      return void response
        .writeHead(416, { ...headers, 'content-range': `bytes */${total}`, 'content-length': 0 })
        .end();
    }
    const isPart = from !== '' || to !== '';
    const part = isPart ? { 'content-range': `bytes ${start}-${end - 1}/${total}` } : {};
    response.writeHead(isPart ? 206 : 200, { ...headers, ...part, 'content-length': end - start });
    Readable.from(piecesOf(start, end, asked)).pipe(response);
  }

  async #create(
    request: IncomingMessage,
    response: ServerResponse,
    { path, body, apiKey }: { path: string; body: string; apiKey: string },
  ): Promise<void> {
    const contentType = String(request.headers['content-type'] ?? '');
    const fields = contentType.startsWith('multipart') ? formFields(body) : JSON.parse(body);
    const prompt = String(fields.prompt ?? '');
    const plan = this.plan(prompt, apiKey);
    this.creations.push({ apiKey, prompt });
    if (plan.refuse !== undefined) {
      const { status, headers, body: text } = plan.refuse;
      return void response
        .writeHead(status, { 'content-type': 'application/json', ...headers })
        .end(text ?? JSON.stringify({ error: { message: `scripted ${status}` } }));
    }
    if (plan.holdBefore) return await new Promise((left) => response.once('close', () => left()));
    const job: MadeJob = {
      id: `video_${this.jobs.length}_${Math.random().toString(36).slice(2, 8)}`,
      apiKey,
      contentType,
      form: body,
      prompt,
      model: String(fields.model ?? ''),
      seconds: String(fields.seconds ?? ''),
      size: String(fields.size ?? ''),
      createdAt: Math.floor(Date.now() / 1000),
      looks: 0,
      released: plan.doneAfter === undefined,
      plan,
    };
    this.jobs.push(job);
    void plan.doneAfter?.then(() => {
      job.released = true;
    });
    await plan.answerAfter;
    if (plan.resetAfterMaking) return void response.socket?.resetAndDestroy();
    if (plan.statusAfterMaking !== undefined)
      return void response.writeHead(plan.statusAfterMaking, { 'content-type': 'text/html' }).end('<html>sorry</html>');
    if (path.endsWith('/images/generations')) {
      const { pictureBytes } = plan;
      const b64_json = pictureBytes === undefined ? 'aW1hZ2U=' : Buffer.alloc(pictureBytes, 7).toString('base64');
      const data = (plan.pictures ?? [plan.url ?? '']).map((url) => (url === '' ? { b64_json } : { url }));
      return json(response, 200, { data });
    }
    json(response, 200, { ...described(job, 'queued', 0), ...(plan.nameless ? { id: undefined } : {}) });
  }

  #list(response: ServerResponse): void {
    if (!this.lists) return json(response, 404, { error: { message: 'no list' } });
    json(response, 200, { object: 'list', data: this.jobs.map((job) => described(job, 'in_progress', 0)).reverse() });
  }

  async #look(job: MadeJob): Promise<object> {
    const steps = job.plan.steps ?? 3;
    await sleep(1);
    if (++job.looks < steps || !job.released) {
      return described(job, 'in_progress', Math.min(99, Math.floor((100 * job.looks) / steps)));
    }
    const ending = job.plan.ending ?? 'completed';
    const failed = ending === 'failed' ? { error: { code: 'moderation', message: job.plan.error ?? 'blocked' } } : {};
    const url = job.plan.url === undefined ? {} : { url: job.plan.url };
    return { ...described(job, ending, 100), ...failed, ...url };
  }
}

function* piecesOf(start: number, end: number, asked: { sentBytes: number }): Generator<Buffer> {
  for (let at = start; at < end; ) {
    const offset = at % FILE.length;
    const piece = FILE.subarray(offset, offset + Math.min(64 * 1024, end - at));
    at += piece.length;
    asked.sentBytes += piece.length;
    yield piece;
  }
}

function described(job: MadeJob, status: string, progress: number): object {
  const { id, model, seconds, size, createdAt, prompt } = job;
  return { id, object: 'video', status, progress, model, seconds, size, created_at: createdAt, prompt };
}

function formFields(body: string): Record<string, string> {
  const fields: Record<string, string> = {};
  for (const [, name, value] of body.matchAll(/form-data; name="(\w+)"\r\n\r\n([^\r]*)\r\n/g)) fields[name!] = value!;
  return fields;
}

function json(response: ServerResponse, status: number, value: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}
