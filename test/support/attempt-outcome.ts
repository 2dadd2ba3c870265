/** What an exchange would learn of one attempt. */
import type { Attempt, AttemptOwner } from '#relay/attempt.ts';

export class AttemptOutcome implements AttemptOwner {
  status = 0;
  contentType: unknown;
  body = '';
  end: 'open' | 'whole' | 'failed' = 'open';
  code = '';
  timesOver = 0;
  attempt: Attempt | null = null;

  onHead(_attempt: Attempt, status: number, headers: Readonly<Record<string, unknown>>): void {
    this.status = status;
    this.contentType = headers['content-type'];
  }

  onData(_attempt: Attempt, chunk: Uint8Array): void {
    this.body += Buffer.from(chunk).toString('latin1');
  }

  onEnd(): void {
    this.end = 'whole';
  }

  onError(_attempt: Attempt, error: Error & { code?: string }): void {
    this.end = 'failed';
    this.code = error.code ?? '';
  }
}
