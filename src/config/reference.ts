/**
 * Writes what is derived from the schema: the reference page and the shipped default file. A test holds both files to this
 * generator; `node src/config/write-reference.ts` writes them anew.
 */
import { stringify } from 'yaml';
import type { z } from 'zod';
import { catalogParts } from './catalog-schema.ts';
import { CLIENT_VARIABLES, variableName } from './environment.ts';
import { fileSchema } from './schema.ts';
import { type Leaf, leafOf, leavesOf, shapeOf, textOf } from './walk-schema.ts';

const WIDTH = 120;

/** `config/REFERENCE.md`. */
export function renderReference(): string {
  return [
    '# Configuration reference',
    '',
    'Generated from `src/config/schema.ts` by `src/config/write-reference.ts`; do not edit.',
    '',
    'Layers, later ones win: `config/default.yaml`, the file given with `--config`, environment variables. A variable is',
    '`PENSTOCK_` and the path in capitals; an empty one counts as not set, `null` sets null where null is allowed, mappings are',
    'JSON. Unknown keys and unknown `PENSTOCK_` variables are refused. Relative paths resolve against the working directory.',
    `\`${CLIENT_VARIABLES.join('` and `')}\` belong to the command line: address and token of a control port.`,
    '',
    ...topLevel().flatMap(([name, schema]) => sectionLines(name, schema)),
    '## catalog',
    '',
    textOf(fileSchema.shape.catalog),
    'Secrets are written as text and never printed.',
    '',
    ...Object.entries(catalogParts).flatMap(([name, schema]) => tableLines(`### catalog.${name}`, schema, false)),
  ]
    .join('\n')
    .trimEnd()
    .concat('\n');
}

/** `config/default.yaml`. */
export function renderDefaultFile(): string {
  const lines = [
    '# Every key with its default. Generated from src/config/schema.ts; settings of your own go into another file.',
    '',
  ];
  for (const [name, schema] of topLevel()) {
    const shape = shapeOf(schema);
    if (shape === null) lines.push(...keyLines(leafOf(schema, [name]), ''));
    else {
      lines.push(`# ${textOf(schema)}`, `${name}:`);
      for (const leaf of leavesOf(schema)) lines.push(...keyLines(leaf, '  '));
    }
    lines.push('');
  }
  lines.push(`# ${textOf(fileSchema.shape.catalog)}`, 'catalog:');
  for (const leaf of leavesOf(fileSchema.shape.catalog)) lines.push(...keyLines(leaf, '  '));
  return `${lines.join('\n')}\n`;
}

function topLevel(): [string, z.ZodType][] {
  return Object.entries(fileSchema.shape as Record<string, z.ZodType>).filter(([name]) => name !== 'catalog');
}

function sectionLines(name: string, schema: z.ZodType): string[] {
  if (shapeOf(schema) !== null) return tableLines(`## ${name}`, schema, true, name);
  return [`## ${name}`, '', ...tableHead(true), leafRow(leafOf(schema, [name]), true), ''];
}

function tableLines(title: string, schema: z.ZodType, variables: boolean, prefix?: string): string[] {
  const text = textOf(schema);
  const leaves = leavesOf(schema, prefix === undefined ? [] : [prefix]);
  return [
    title,
    '',
    ...(text === '' ? [] : [text, '']),
    ...tableHead(variables),
    ...leaves.map((leaf) => leafRow(leaf, variables)),
    '',
  ];
}

function tableHead(variables: boolean): string[] {
  return variables
    ? ['| key | default | value | what it does | variable |', '|---|---|---|---|---|']
    : ['| key | default | value | what it does |', '|---|---|---|---|'];
}

function leafRow(leaf: Leaf, variables: boolean): string {
  const cells = [
    `\`${leaf.path.join('.')}\``,
    leaf.hasDefault ? `\`${JSON.stringify(leaf.defaultValue)}\`` : 'required',
    leaf.expected + (leaf.secret ? ' (secret)' : ''),
    leaf.text,
    ...(variables ? [`\`${variableName(leaf.path)}\``] : []),
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function keyLines(leaf: Leaf, indent: string): string[] {
  const value = stringify(leaf.defaultValue, { nullStr: 'null', flowCollectionPadding: false }).trimEnd();
  const comment = `${leaf.text} ${capitalised(leaf.expected)}.`;
  return [...wrapped(comment, `${indent}# `), `${indent}${leaf.path.at(-1)}: ${value}`];
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function wrapped(text: string, start: string): string[] {
  const lines: string[] = [];
  let line = start.trimEnd();
  for (const word of text.split(' ')) {
    if (line.length + 1 + word.length > WIDTH && line.length > start.length) {
      lines.push(line);
      line = start.trimEnd();
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}
