// The page of the graph view: shows the drawing, and says which stage was clicked.

import { parseDrawing } from './drawing';

declare function acquireVsCodeApi(): { postMessage(message: unknown): void };

const editor = acquireVsCodeApi();
const place = document.getElementById('graph')!;

window.addEventListener('message', ({ data }: MessageEvent<{ svg: string; nodes: string[]; message?: string }>) => {
  const drawing = parseDrawing(data.svg, new DOMParser());
  if (!drawing) {
    place.textContent = data.message ?? 'There is nothing to draw.';
    return;
  }
  const { scrollX, scrollY } = window;
  place.replaceChildren(document.importNode(drawing, true));
  for (const id of data.nodes) {
    const node = document.getElementById(id);
    node?.classList.add('jump');
    node?.setAttribute('tabindex', '0');
    node?.setAttribute('role', 'link');
    node?.addEventListener('click', () => editor.postMessage({ jump: id }));
    node?.addEventListener('keydown', event => {
      if (event.key === 'Enter') editor.postMessage({ jump: id });
    });
  }
  window.scrollTo(scrollX, scrollY);
});

editor.postMessage({ ready: true });
