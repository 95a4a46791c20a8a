// Takes a drawing in. The page's policy keeps scripts from running whatever the drawing says; this keeps them out.

const ELEMENTS = new Set(['svg', 'g', 'title', 'desc', 'defs', 'marker', 'path', 'rect', 'circle', 'ellipse', 'line',
  'polyline', 'polygon', 'text', 'tspan']);

/** The drawing of an SVG text, shapes and words only; nothing where it is none. */
export function parseDrawing(svg: string, parser: DOMParser): Element | undefined {
  const root = parser.parseFromString(svg, 'image/svg+xml').documentElement;
  if (root?.localName !== 'svg') return undefined;
  for (const element of [...root.querySelectorAll('*')]) {
    if (!ELEMENTS.has(element.localName)) element.remove();
  }
  for (const element of [root, ...root.querySelectorAll('*')]) {
    for (const { name } of [...element.attributes]) {
      if (/^on|href$|^style$/i.test(name)) element.removeAttribute(name);
    }
  }
  return root;
}
