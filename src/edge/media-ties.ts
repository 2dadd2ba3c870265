/**
 * What ties a front's exchanges to the media jobs on primary: questions and orders go out, news come in. The desks of the lifecycle set
 * what is to be done with them. Front thread only.
 */
import type { JobNews, JobOrder } from '#wire/media-job.ts';

/** Path behind the account's base; null: there is no such media; `unavailable`: it could not be found out. */
export type FoundMedia = { accountId: number; path: string } | null | 'unavailable';

export interface MediaSends {
  begin(order: JobOrder): void;
  leave(jobId: string): void;
  find(id: number, jobId: string): void;
}

export class MediaTies implements MediaSends {
  /** Signs the links to media. */
  readonly linkKey: string;
  readonly begin: (order: JobOrder) => void;
  readonly leave: (jobId: string) => void;
  readonly find: (id: number, jobId: string) => void;
  onNews: (news: JobNews) => void = () => {};
  onFound: (id: number, found: FoundMedia) => void = () => {};

  constructor(linkKey: string, sends: MediaSends) {
    this.linkKey = linkKey;
    this.begin = sends.begin;
    this.leave = sends.leave;
    this.find = sends.find;
  }
}
