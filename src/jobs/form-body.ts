/** The body of a request that sends fields and a picture: multipart/form-data (RFC 7578). Pure; primary. */
import { randomUUID } from 'node:crypto';

const FILE_NAMES: Readonly<Record<string, string>> = {
  'image/png': 'reference.png',
  'image/jpeg': 'reference.jpg',
  'image/webp': 'reference.webp',
};

/** The picture becomes the part `input_reference`. */
export function formBody(
  fields: Readonly<Record<string, string>>,
  picture: { bytes: Uint8Array; type: string } | null,
): { body: Uint8Array; type: string } {
  const boundary = `penstock-${randomUUID()}`;
  const parts: Uint8Array[] = [];
  for (const [name, value] of Object.entries(fields)) {
    parts.push(Buffer.from(`--${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`));
  }
  if (picture !== null) {
    const disposition = `form-data; name="input_reference"; filename="${FILE_NAMES[picture.type] ?? 'reference'}"`;
    parts.push(
      Buffer.from(`--${boundary}\r\ncontent-disposition: ${disposition}\r\ncontent-type: ${picture.type}\r\n\r\n`),
    );
    parts.push(picture.bytes, Buffer.from('\r\n'));
  }
  parts.push(Buffer.from(`--${boundary}--\r\n`));
  return { body: Buffer.concat(parts), type: `multipart/form-data; boundary=${boundary}` };
}
