/**
 * The paper that plots are drawn on: title for screen readers and on the picture, a style that follows light and dark viewers, and one
 * colour and dash a contender, the same in every plot. Pure text; coordinates have one decimal, so that a checked-in plot changes only
 * when its figures do.
 */

export interface Size {
  width: number;
  height: number;
}

/** Light paper, dark paper. */
const COLOURS: readonly [light: string, dark: string][] = [
  ['#1259c3', '#6ea8fe'],
  ['#2e7d32', '#6fcf7a'],
  ['#b3541e', '#f0975a'],
  ['#7b2fa8', '#c792ea'],
  ['#b8860b', '#e6c34a'],
  ['#c2185b', '#ff7eb0'],
  ['#00838f', '#4dd0e1'],
  ['#5f6b76', '#a9b4bf'],
];
const DASHES = ['', '7 3', '3 2', '9 3 2 3', '5 4', '12 3 2 3 2 3', '14 4', '4 2'];
/** Names that come back in every plot; others take what is left, in order. */
const FIXED = ['Penstock', 'nginx', 'HAProxy', 'uWS forwarder', 'http forwarder', 'Portkey', 'before', 'direct'];

const STYLE = [
  'text{font:12px system-ui,sans-serif;fill:var(--ink)}',
  '.title{font-size:15px;font-weight:600}',
  '.group{font-weight:600}',
  '.paper{fill:var(--paper)}',
  '.grid{stroke:var(--grid);stroke-width:1}',
  '.axis{stroke:var(--ink);stroke-width:1}',
  '.line{fill:none;stroke-width:2;stroke-linejoin:round}',
  '.whisker{stroke:var(--ink);stroke-width:1.5}',
].join('');

function palette(index: 0 | 1): string {
  const [paper, ink, grid] = index === 0 ? ['#ffffff', '#1b1f24', '#d9dee3'] : ['#14181d', '#e6e9ec', '#39424b'];
  const colours = COLOURS.map((pair, i) => `--c${i}:${pair[index]}`);
  return `svg{--paper:${paper};--ink:${ink};--grid:${grid};${colours.join(';')}}`;
}

/** One child a line. */
export function drawing(size: Size, title: string, children: readonly string[]): string {
  const { width, height } = size;
  const dark = `@media (prefers-color-scheme:dark){${palette(1)}}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    `<style>${palette(0)}${dark}${STYLE}</style>`,
    `<rect class="paper" width="${width}" height="${height}"/>`,
    text(title, { x: 16, y: 26, className: 'title' }),
    ...children,
    '</svg>',
    '',
  ].join('\n');
}

export interface TextPlace {
  x: number;
  y: number;
  anchor?: 'start' | 'middle' | 'end';
  className?: string;
  /** Degrees around its own place. */
  turn?: number;
}

export function text(content: string, { x, y, anchor, className, turn }: TextPlace): string {
  const more = [
    anchor === undefined ? '' : ` text-anchor="${anchor}"`,
    className === undefined ? '' : ` class="${className}"`,
    turn === undefined ? '' : ` transform="rotate(${turn} ${at(x)} ${at(y)})"`,
  ].join('');
  return `<text x="${at(x)}" y="${at(y)}"${more}>${escapeXml(content)}</text>`;
}

export function line(className: string, x1: number, y1: number, x2: number, y2: number): string {
  return `<line class="${className}" x1="${at(x1)}" y1="${at(y1)}" x2="${at(x2)}" y2="${at(y2)}"/>`;
}

/** Colour and dash of every name that a plot shows. */
export function inks(names: readonly string[]): Map<string, { colour: string; dash: string }> {
  const taken = new Set(names.map((name) => FIXED.indexOf(name)).filter((index) => index >= 0));
  const chosen = new Map<string, { colour: string; dash: string }>();
  let next = 0;
  for (const name of names) {
    let index = FIXED.indexOf(name);
    if (index < 0) {
      while (taken.has(next) && next < COLOURS.length) next++;
      index = next++;
    }
    chosen.set(name, { colour: `var(--c${index % COLOURS.length})`, dash: DASHES[index % DASHES.length]! });
  }
  return chosen;
}

export function at(pixels: number): string {
  return String(Math.round(pixels * 10) / 10);
}

export function escapeXml(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** What a name takes in the 12-pixel type: a guess that is rather too wide. */
export function textWidth(content: string): number {
  return content.length * 7;
}
