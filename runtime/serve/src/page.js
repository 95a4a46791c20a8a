// Shows a scene: the drawing, the text, what is wrong. A chosen stage is marked in both, and told to the server.
'use strict';

const byId = id => document.getElementById(id);
const live = 'live' in document.body.dataset;
let scene;

function made(name, properties, ...children) {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
}

const lineId = (file, line) => `${scene.files.findIndex(one => one.path === file)}-${line}`;

function show(next) {
  const before = scene;
  scene = next;
  byId('title').textContent = scene.title;
  byId('summary').textContent = scene.summary;
  byId('problems').replaceChildren(...scene.problems.map(text => made('pre', { textContent: text })));
  if (before?.svg !== scene.svg) draw();
  byId('drawing').classList.toggle('old', scene.old);
  if (JSON.stringify(before?.files) !== JSON.stringify(scene.files)) write();
  hint();
  mark(false);
}

function draw() {
  const drawing = new DOMParser().parseFromString(scene.svg, 'image/svg+xml').documentElement;
  byId('drawing').replaceChildren(document.importNode(drawing, true));
  for (const stage of scene.stages) {
    const node = byId(stage.id);
    if (!node) continue;
    node.setAttribute('tabindex', '0');
    node.setAttribute('role', 'link');
    node.addEventListener('click', () => choose(stage.id));
    node.addEventListener('keydown', event => {
      if (event.key === 'Enter') choose(stage.id);
    });
  }
}

function write() {
  const files = scene.files.map((file, index) => {
    const lines = file.text.split(/\r\n|\r|\n/).map((text, line) => made('li', { id: `${index}-${line + 1}`, textContent: text }));
    return [made('h2', { textContent: file.path }), made('ol', {}, ...lines)];
  });
  byId('text').replaceChildren(...files.flat());
}

/** States behind the lines where stages begin, and in the tips of the drawing. */
function hint() {
  const hints = new Map();
  for (const stage of scene.stages) {
    if (!stage.hint) continue;
    const line = lineId(stage.place.file, stage.place.line);
    const short = scene.stages.filter(other => lineId(other.place.file, other.place.line) === line).length > 1;
    hints.set(line, [...(hints.get(line) ?? []), short ? `${stage.name}: ${stage.hint}` : stage.hint]);
    const tip = byId(stage.id)?.querySelector('title');
    if (tip) tip.textContent = `${stage.name}: ${stage.hint}`;
  }
  for (const line of document.querySelectorAll('#text li.hint')) if (!hints.has(line.id)) line.classList.remove('hint');
  for (const [id, texts] of hints) {
    const line = byId(id);
    line?.classList.add('hint');
    if (line) line.dataset.hint = texts.join(' · ');
  }
}

function choose(id) {
  history.replaceState(history.state, '', `#${id}`);
  mark(true);
  if (live) fetch(`jump/${id}`, { method: 'POST' }).catch(() => {});
}

/** Marks the chosen stage; where it was chosen just now, its text comes into view. */
function mark(now) {
  for (const element of document.querySelectorAll('.chosen')) element.classList.remove('chosen');
  const stage = scene.stages.find(one => `#${one.id}` === location.hash);
  if (!stage) return;
  byId(stage.id)?.classList.add('chosen');
  for (let line = stage.place.line; line <= stage.end; line++) byId(lineId(stage.place.file, line))?.classList.add('chosen');
  if (now) byId(lineId(stage.place.file, stage.place.line))?.scrollIntoView({ block: 'center' });
}

show(JSON.parse(byId('scene').textContent));

// A page that is read again stays where it was.
const panes = ['drawing', 'text'].map(byId);
addEventListener('pagehide', () => {
  history.replaceState(panes.map(pane => [pane.scrollLeft, pane.scrollTop]), '');
});
panes.forEach((pane, index) => pane.scrollTo(...(history.state?.[index] ?? [0, 0])));

if (live) {
  const events = new EventSource('events');
  events.onmessage = event => show(JSON.parse(event.data));
  events.onerror = () => {
    byId('summary').textContent = 'llmp graph --watch has ended';
  };
}
