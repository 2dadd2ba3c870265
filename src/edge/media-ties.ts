/**
 * What ties a front's exchanges to the media jobs on primary: questions and orders go out, news come in. The desks of the lifecycle set
 * what is to be done with them. Front thread only.
 */
import type { FileHost } from '#relay/target.ts';
import type { JobNews, JobOrder } from '#wire/media-job.ts';

/** Null: there is no such media; `unavailable`: it could not be found out. */
export type FoundMedia = MediaPlace | null | 'unavailable';

export interface MediaPlace {
  readonly accountId: number;
  /** Path behind the account's base, or at `host`. */
  readonly path: string;
  /** Where the account has put it outside its API; null: it is had through the API. */
  readonly host: FileHost | null;
}

export interface MediaSends {
  begin(order: JobOrder): void;
  leave(jobId: string): void;
  /** By the name in the link. */
  find(id: number, name: string): void;
}

export class MediaTies implements MediaSends {
  /** Signs the links to media. */
  readonly linkKey: string;
  readonly begin: (order: JobOrder) => void;
  readonly leave: (jobId: string) => void;
  readonly find: (id: number, name: string) => void;
  onNews: (news: JobNews) => void = () => {};
  onFound: (id: number, found: FoundMedia) => void = () => {};

  constructor(linkKey: string, sends: MediaSends) {
    this.linkKey = linkKey;
    this.begin = sends.begin;
    this.leave = sends.leave;
    this.find = sends.find;
  }
}
