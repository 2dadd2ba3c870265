/**
 * Names under which Responses tools travel through protocols that know neither namespaces nor free-form tools. Pure.
 *
 *   travelling = plain | [ namespace ] "--" plain            a plain name that has "--" in it gets an empty namespace
 *                        [ "--freeform" ]                     a free-form (`custom`) tool, where the upstream knows functions alone
 *
 * The answer is turned without its request at hand, so a name has to say by itself what it stands for.
 */

const JOINT = '--';
const FREEFORM = '--freeform';

export interface ToolName {
  readonly name: string;
  /** Null: the tool is in none. */
  readonly namespace: string | null;
  readonly freeform: boolean;
}

/** The name at the upstream; null: it cannot be told apart from another on its way back. `freeform`: has to be marked as such. */
export function travellingName(name: string, namespace: string | null, freeform: boolean): string | null {
  if (namespace !== null && (namespace === '' || namespace.includes(JOINT) || namespace.endsWith('-'))) return null;
  if (name.endsWith(FREEFORM)) return null;
  const joined = namespace !== null || name.includes(JOINT) ? (namespace ?? '') + JOINT + name : name;
  return freeform ? joined + FREEFORM : joined;
}

/** What `travellingName` made it of. */
export function originalName(travelling: string): ToolName {
  const freeform = travelling.endsWith(FREEFORM);
  const joined = freeform ? travelling.slice(0, -FREEFORM.length) : travelling;
  const joint = joined.indexOf(JOINT);
  if (joint < 0) return { name: joined, namespace: null, freeform };
  return { name: joined.slice(joint + JOINT.length), namespace: joint === 0 ? null : joined.slice(0, joint), freeform };
}
