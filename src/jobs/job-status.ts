/**
 * What an upstream says of a job: OpenAI's video object, and the words of others that have taken it over. Trusts nothing. Pure; primary.
 *
 *   { "id", "status": "queued" | "in_progress" | "completed" | "failed", "progress": 0…100, "created_at", "model", "seconds", "size", "prompt"?,
 *     "error"?: { "code", "message" }, "url"? }
 */

export interface JobStatus {
  /** '' when it names none. */
  id: string;
  state: 'running' | 'completed' | 'failed' | 'cancelled';
  /** Whole, 0 to 100. */
  percent: number;
  /** Why it failed, for the client; '' when nothing is said. */
  error: string;
  /** Where the upstream offers the file; null when it is read through the account. */
  url: string | null;
  /** Unix seconds; 0 when it says none. */
  createdAt: number;
  model: string;
  seconds: string;
  size: string;
  /** Null: the upstream does not repeat it. */
  prompt: string | null;
}

const STATES: Readonly<Record<string, JobStatus['state']>> = {
  completed: 'completed',
  succeeded: 'completed',
  success: 'completed',
  failed: 'failed',
  failure: 'failed',
  error: 'failed',
  rejected: 'failed',
  expired: 'failed',
  cancelled: 'cancelled',
  canceled: 'cancelled',
};
const ID_CHARS_MAX = 256;
const ERROR_CHARS_MAX = 300;

export function readJobStatus(value: unknown): JobStatus {
  const fields = Object(value) as Record<string, unknown>;
  const id = String(fields['id'] ?? '');
  const prompt = fields['prompt'];
  return {
    id: id.length > ID_CHARS_MAX ? '' : id,
    state: STATES[String(fields['status'] ?? '').toLowerCase()] ?? 'running',
    percent: Math.max(0, Math.min(100, Math.floor(Number(fields['progress'] ?? 0)) || 0)),
    error: errorText(fields['error']),
    url: address(fields['url'] ?? fields['video_url']),
    createdAt: Number(fields['created_at'] ?? 0) || 0,
    model: String(fields['model'] ?? ''),
    seconds: String(fields['seconds'] ?? ''),
    size: String(fields['size'] ?? ''),
    prompt: typeof prompt === 'string' ? prompt : null,
  };
}

/** The words of `{ "error": { "message" } }` or `{ "error": TEXT }`; addresses and keys are none of the client's business. */
export function errorText(error: unknown): string {
  const { message, code } = Object(error) as { message?: unknown; code?: unknown };
  const said =
    typeof error === 'string' ? error : typeof message === 'string' ? message : typeof code === 'string' ? code : '';
  const text = said
    .replace(/https?:\/\/\S+|\bsk-[\w-]+/g, '…')
    .replace(/\s+/g, ' ')
    .trim();
  return text.length > ERROR_CHARS_MAX ? `${text.slice(0, ERROR_CHARS_MAX)}…` : text;
}

/** Of pictures: addresses as given, or `data:` URLs. */
export function readPictures(value: unknown): string[] {
  const { data, output_format: format } = Object(value) as { data?: unknown; output_format?: unknown };
  const type = format === 'jpeg' || format === 'webp' ? format : 'png';
  return (Array.isArray(data) ? data : []).flatMap((item) => {
    const { url, b64_json: base64 } = Object(item) as { url?: unknown; b64_json?: unknown };
    if (typeof base64 === 'string' && /^[A-Za-z0-9+/=\s]+$/.test(base64))
      return [`data:image/${type};base64,${base64}`];
    const found = address(url);
    return found === null ? [] : [found];
  });
}

/** Without what would end the attribute or the Markdown that it is put into. */
function address(value: unknown): string | null {
  if (typeof value !== 'string' || !/^https?:\/\/[^\s'"<>()]+$/.test(value)) return null;
  return value;
}
