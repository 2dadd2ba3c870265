/** The section `sora` of the configuration: media jobs, and the links to what they made. Does no I/O. */
import { z } from 'zod';
import { GIB, HOUR_MS, int, KIB, MIB, section } from './schema-parts.ts';

export const soraSection = section('Media jobs: pictures and videos behind the Sora façade, which primary runs.', {
  jobsMax: int(400, 1, 100_000, 'Jobs under way at once, those whose client has left included; the next gets 503.'),
  connections: int(64, 1, 4_096, 'Connections to one origin for making jobs, and as many for looking at them.'),
  pollMs: int(
    2_000,
    50,
    60_000,
    'Time between two looks at a job; a little more or less, so that not all are asked for together.',
  ),
  createTimeoutMs: int(120_000, 100, HOUR_MS, 'Longest wait for an account to take a job, or to make a picture.'),
  pollTimeoutMs: int(30_000, 100, 600_000, 'Longest wait for an account to say how a job goes.'),
  deadlineMs: int(1_200_000, 1_000, 24 * HOUR_MS, 'A job that is not done by then has failed, and is not charged.'),
  pingMs: int(
    10_000,
    100,
    60_000,
    'A streaming caller gets a comment after this much silence, any other, once its answer has begun, white space.',
  ),
  headAfterMs: int(
    50_000,
    100,
    240_000,
    'A caller without stream gets its 200 after this long, before clients and proxies give up and ask again; what fails later is an error object in its body.',
  ),
  fetchPrivate: z
    .boolean()
    .default(false)
    .describe(
      'Fetch pictures, of clients and of accounts, from private, loopback and link-local addresses too; for tests.',
    ),
  imageFetchMs: int(20_000, 100, 120_000, 'Longest time for fetching a reference picture, redirects included.'),
  imageBytesMax: int(20 * MIB, KIB, 64 * MIB, 'Largest reference picture.'),
  madeBytesMax: int(6 * MIB, KIB, 64 * MIB, 'Largest picture that is made.'),
  imageBytesTotal: int(
    36 * MIB,
    KIB,
    16 * GIB,
    'Pictures that jobs hold at once; one that is not there yet counts as the largest. The next job gets 503.',
  ),
  media: z
    .enum(['signed', 'passthrough'])
    .default('signed')
    .describe(
      "Links to what was made: signed: of this gateway, which expire and read the file through the account, or a picture from where it has put it; passthrough: the upstream's own where it gives one.",
    ),
  linkMs: int(24 * HOUR_MS, 1_000, 720 * HOUR_MS, 'A signed link is good this long.'),
  keepDays: int(
    30,
    1,
    3_650,
    'Jobs that ended are known this long, and their links lead somewhere; what they cost stays in the usage log.',
  ),
  publicUrl: z
    .url({ protocol: /^https?$/ })
    .nullable()
    .default(null)
    .meta({ expected: 'an http:// or https:// address' })
    .describe('Address of this gateway in signed links; null takes the one that the client used.'),
});
