/**
 * One flame graph of all threads as a self-contained SVG: threads are the roots, a frame is as wide as what it and all it called took,
 * its colour says whose code it is. Hovering shows figures, a click takes a frame to the full width, a click on the first row back.
 */
import type { Frame } from './frames.ts';

const WIDTH = 1600;
const ROW = 17;
const CHARACTER = 6.6;
/** Narrower frames cannot be seen or hit. */
const NARROWEST = 0.4;

const COLOURS = { src: '#f4a259', undici: '#5b8e7d', node: '#8cb369', native: '#bc4b51', other: '#cfc7b8' };

export interface FlameOptions {
  title: string;
  /** Turns a frame's size into words. */
  words(size: number): string;
}

export function flameGraph(threads: readonly Frame[], { title, words }: FlameOptions): string {
  const all: Frame = {
    name: title,
    self: 0,
    total: threads.reduce((sum, { total }) => sum + total, 0),
    children: new Map(threads.map((thread) => [thread.name, thread])),
  };
  const boxes: string[] = [];
  let depthMax = 0;
  const draw = (frame: Frame, left: number, depth: number): void => {
    const width = (frame.total / Math.max(1, all.total)) * WIDTH;
    if (width < NARROWEST) return;
    depthMax = Math.max(depthMax, depth);
    const share = ((frame.total / Math.max(1, all.total)) * 100).toFixed(1);
    const hover = `${frame.name}\n${words(frame.total)} (${share} %), itself ${words(frame.self)}`;
    boxes.push(box(frame.name, hover, left, width, depth));
    let at = left;
    for (const child of [...frame.children.values()].sort((a, b) => b.total - a.total)) {
      draw(child, at, depth + 1);
      at += (child.total / Math.max(1, all.total)) * WIDTH;
    }
  };
  draw(all, 0, 0);
  const height = (depthMax + 1) * ROW;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="monospace" font-size="11">`,
    '<style>rect{stroke:#fff;stroke-width:.5}g:hover rect{stroke:#000}text{pointer-events:none}</style>',
    ...boxes,
    `<script>${ZOOM}</script>`,
    '</svg>',
    '',
  ].join('\n');
}

function box(name: string, hover: string, left: number, width: number, depth: number): string {
  const x = left.toFixed(2);
  const y = depth * ROW;
  const place = `data-x="${x}" data-w="${width.toFixed(2)}" data-d="${depth}" data-n="${xml(name)}"`;
  const text = `<text x="${(left + 3).toFixed(2)}" y="${y + 12}">${xml(clip(name, width))}</text>`;
  const rect = `<rect x="${x}" y="${y}" width="${width.toFixed(2)}" height="${ROW - 1}" fill="${colour(name)}"/>`;
  return `<g ${place}><title>${xml(hover)}</title>${rect}${text}</g>`;
}

function colour(name: string): string {
  if (name.includes(' src/')) return COLOURS.src;
  if (name.includes(' undici/')) return COLOURS.undici;
  if (name.includes(' node:')) return COLOURS.node;
  return name.includes(' ') ? COLOURS.other : COLOURS.native;
}

function clip(name: string, width: number): string {
  const characters = Math.floor((width - 6) / CHARACTER);
  return characters < 3 ? '' : name.slice(0, characters);
}

function xml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

/** Runs in the browser that shows the file: every box is placed anew, relative to the one that was clicked. */
const ZOOM = `
for (const g of document.querySelectorAll('g')) g.addEventListener('click', () => {
  const [x0, w0] = [Number(g.dataset.x), Number(g.dataset.w)];
  for (const other of document.querySelectorAll('g')) {
    const [x, w] = [Number(other.dataset.x), Number(other.dataset.w)];
    const above = x &lt;= x0 + 0.01 &amp;&amp; x + w >= x0 + w0 - 0.01 &amp;&amp; Number(other.dataset.d) &lt; Number(g.dataset.d);
    const inside = x >= x0 - 0.01 &amp;&amp; x + w &lt;= x0 + w0 + 0.01;
    other.style.display = above || inside ? '' : 'none';
    const left = above ? 0 : (x - x0) / w0 * ${WIDTH};
    const width = above ? ${WIDTH} : w / w0 * ${WIDTH};
    const [rect, text] = [other.querySelector('rect'), other.querySelector('text')];
    rect.setAttribute('x', left);
    rect.setAttribute('width', width);
    text.setAttribute('x', left + 3);
    const room = Math.floor((width - 6) / ${CHARACTER});
    text.textContent = room &lt; 3 ? '' : other.dataset.n.slice(0, room);
  }
});
`;
