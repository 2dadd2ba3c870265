/** `data:` URLs of base64, in which the OpenAI protocols carry images and files (RFC 2397). Pure. */

export interface DataUrl {
  /** Without parameters: `image/png`. */
  readonly mediaType: string;
  readonly base64: string;
}

const HEAD_CHARS_MAX = 256;

/** Null: no `data:` URL of base64. The base64 itself is not looked at. */
export function parseDataUrl(url: string): DataUrl | null {
  if (!/^data:/i.test(url)) return null;
  const comma = url.slice(0, HEAD_CHARS_MAX).indexOf(',');
  if (comma < 0) return null;
  const [mediaType = '', ...parameters] = url.slice('data:'.length, comma).split(';');
  if (parameters.at(-1)?.trim().toLowerCase() !== 'base64') return null;
  return { mediaType: mediaType.trim().toLowerCase(), base64: url.slice(comma + 1) };
}

export function dataUrl(mediaType: string, base64: string): string {
  return `data:${mediaType};base64,${base64}`;
}
