/**
 * `usage` and `flush`: the books.
 */
import { formatNanoUsd } from '#base/money.ts';
import { type Call, type Command, textOption, wholeOption } from './command.ts';
import { renderTable } from './table.ts';

interface UsageRow {
  requestId: string;
  createdAt: string;
  user: string;
  account: string;
  protocol: string;
  upstreamProtocol: string;
  model: string;
  serviceTier: string;
  status: string;
  usageSource: string;
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  cacheWriteTokens: number;
  chargedNanoUsd: string;
  firstByteMs: number;
  durationMs: number;
}

interface UsageReport {
  requests: number;
  inputTokens: number;
  outputTokens: number;
  cacheReadTokens: number;
  cacheWriteTokens: number;
  reasoningTokens: number;
  audioInputTokens: number;
  audioOutputTokens: number;
  imageInputTokens: number;
  imageOutputTokens: number;
  mediaItems: number;
  mediaSeconds: number;
  chargedNanoUsd: string;
  rows: UsageRow[];
}

export const usageCommands: readonly Command[] = [
  {
    name: 'usage',
    positionals: [],
    summary: 'the newest usage rows, and the totals of all',
    options: {
      limit: { type: 'string', value: 'N', text: 'rows shown (default 20)' },
      before: { type: 'string', value: 'REQUEST_ID', text: 'rows older than this one: the next page' },
    },
    run: showUsage,
  },
  {
    name: 'flush',
    positionals: [],
    summary: 'return once every record made before is in PostgreSQL',
    options: {},
    run: flush,
  },
];

async function showUsage({ options, client, json, output }: Call): Promise<number> {
  const limit = wholeOption(options, 'limit');
  const before = textOption(options, 'before');
  const query = new URLSearchParams();
  if (limit !== undefined) query.set('limit', String(limit));
  if (before !== undefined) query.set('before', before);
  const report = await client().get<UsageReport>(`/admin/v1/usage?${query}`);
  await output.out(json ? JSON.stringify(report) : usageText(report));
  return 0;
}

function usageText(report: UsageReport): string {
  const table = renderTable<UsageRow>(
    [
      { title: 'time', cell: (row) => row.createdAt.slice(0, 19).replace('T', ' ') },
      { title: 'request', cell: (row) => row.requestId },
      { title: 'user', cell: (row) => row.user },
      { title: 'account', cell: (row) => row.account },
      { title: 'protocol', cell: protocolOf },
      { title: 'model', cell: (row) => row.model },
      { title: 'tier', cell: (row) => row.serviceTier || null },
      { title: 'status', cell: (row) => row.status },
      { title: 'usage', cell: (row) => row.usageSource },
      { title: 'input', cell: (row) => row.inputTokens },
      { title: 'output', cell: (row) => row.outputTokens },
      { title: 'cache read', cell: (row) => row.cacheReadTokens },
      { title: 'cache write', cell: (row) => row.cacheWriteTokens },
      { title: 'first ms', cell: (row) => row.firstByteMs },
      { title: 'total ms', cell: (row) => row.durationMs },
      { title: 'USD', cell: (row) => formatNanoUsd(BigInt(row.chargedNanoUsd)) },
    ],
    report.rows,
    'No rows are shown.',
  );
  return `${table}\n\n${totalsText(report)}`;
}

/** The client's protocol, and the account's where it is another. */
function protocolOf({ protocol, upstreamProtocol }: UsageRow): string {
  return upstreamProtocol === protocol ? protocol : `${protocol} → ${upstreamProtocol}`;
}

/** What there never was any of beside plain text is left out. */
function totalsText(report: UsageReport): string {
  const { requests, inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens, chargedNanoUsd } = report;
  const { reasoningTokens, audioInputTokens, audioOutputTokens, imageInputTokens, imageOutputTokens } = report;
  const { mediaItems, mediaSeconds } = report;
  const some: [number, string][] = [
    [audioInputTokens, 'audio input tokens'],
    [audioOutputTokens, 'audio output tokens'],
    [imageInputTokens, 'image input tokens'],
    [imageOutputTokens, 'image output tokens'],
    [mediaItems, 'images and videos'],
    [mediaSeconds, 'seconds of video'],
  ];
  const more = some.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}, `);
  const reasoning = reasoningTokens > 0 ? ` (${reasoningTokens} of it reasoning)` : '';
  return (
    `${requests} requests in all: ${inputTokens} input, ${outputTokens} output${reasoning}, ${cacheReadTokens} cache read, ` +
    `${cacheWriteTokens} cache write tokens, ${more.join('')}${formatNanoUsd(BigInt(chargedNanoUsd))} USD`
  );
}

async function flush({ client, json, output }: Call): Promise<number> {
  const answer = await client().send<object>('POST', '/admin/v1/flush');
  await output.out(json ? JSON.stringify(answer) : 'Every record made before is in PostgreSQL.');
  return 0;
}
