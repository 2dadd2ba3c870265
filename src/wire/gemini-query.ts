/**
 * The query strings of Gemini's API that are served. Google's parameters for all of its APIs can give an answer a form in which nobody
 * finds its usage (`fields`, `callback`, `alt=proto`, `$alt=json;enum-encoding=int`), or carry a credential. Google refuses a name that it
 * does not know. Pure; runs on front threads. Source: cloud.google.com/apis/docs/system-parameters.
 */

const ALT = /^alt=(sse|json)$/;
/** Ours to read, and never forwarded. */
const KEY = /^(api_)?key(=|$)/i;
const HARMLESS = /^(prettyPrint|quotaUser|uploadType|upload_protocol|\$\.xgafv)(=|$)/;

/** What is wrong with it, for the client; '' when nothing is. */
export function geminiQueryFault(query: string): string {
  if (query === '') return '';
  let alts = 0;
  for (const part of query.split('&')) {
    if (ALT.test(part)) alts++;
    else if (/^alt(=|$)/.test(part)) return 'alt: expected sse or json.';
    else if (part !== '' && !KEY.test(part) && !HARMLESS.test(part)) {
      return `${part.split('=', 1)[0]!.slice(0, 64)}: not a query parameter of this path.`;
    }
  }
  return alts > 1 ? 'alt: expected once.' : '';
}
