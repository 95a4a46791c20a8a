// Elements, memory, the server. Everything that a model says becomes a text node, never markup.
const remember = (name, value) => { try { localStorage.setItem("llmp." + name, JSON.stringify(value)); } catch { /* full, or forbidden */ } };
const recall = (name, otherwise) => {
  try { const text = localStorage.getItem("llmp." + name); return text === null ? otherwise : JSON.parse(text); } catch { return otherwise; }
};
const state = { language: recall("language", navigator.language.startsWith("zh") ? 1 : 0), models: [] };
const say = (name) => WORDS[name][state.language];

function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}
const put = (element, ...children) => element.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined));
const button = (name, onclick, more) => h("button", { type: "button", onclick, ...more }, say(name));
const id = () => Date.now().toString(36) + Math.random().toString(36).slice(2, 8);

function headers() {
  const key = sessionStorage.getItem("llmp.key");
  return key ? { "Content-Type": "application/json", Authorization: "Bearer " + key } : { "Content-Type": "application/json" };
}
async function call(path, body, signal) {
  const answer = await fetch(path, body ? { method: "POST", headers: headers(), body: JSON.stringify(body), signal } : { headers: headers(), signal });
  if (answer.ok) return answer;
  const told = await answer.json().catch(() => null);
  const fault = new Error(told?.error?.message || `${answer.status} ${answer.statusText}`);
  fault.status = answer.status;
  throw fault;
}
// Each event of a streamed answer.
async function* events(path, body, signal) {
  const reader = (await call(path, { ...body, stream: true }, signal)).body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += decoder.decode(value, { stream: true });
    for (let end; (end = text.indexOf("\n\n")) >= 0; text = text.slice(end + 2)) {
      const line = text.slice(0, end);
      if (!line.startsWith("data: ")) continue;
      if (line === "data: [DONE]") return;
      const event = JSON.parse(line.slice(6));
      if (event.error) throw new Error(event.error.message);
      yield event;
    }
  }
}

// Settings, of all that draw texts.
const FIELDS = [["temperature", 0, 2, 0.1], ["top_k", 0, 1000, 1], ["top_p", 0, 1, 0.05], ["min_p", 0, 1, 0.05], ["max_tokens", 1, 100000, 1], ["seed", 0, 9007199254740991, 1]];
const settings = (name, otherwise) => recall("settings." + name, otherwise);
function fields(name, otherwise, more = []) {
  const now = settings(name, otherwise);
  return [...FIELDS, ...more].map(([field, min, max, step]) => h("label", {}, say(field), h("input", {
    type: "number", min, max, step, value: now[field] ?? "", onchange: (event) => {
      const all = settings(name, otherwise);
      const value = event.target.value;
      if (value === "" || !event.target.checkValidity()) delete all[field]; else all[field] = Number(value);
      remember("settings." + name, all);
    },
  })));
}
function chooser(name, fits, onchange) {
  const models = state.models.filter(fits);
  const kept = recall("model." + name, null);
  const now = models.some((model) => model.id === kept) ? kept : models.at(-1)?.id;
  const select = h("select", { onchange: () => { remember("model." + name, select.value); onchange?.(); } }, models.map((model) => h("option", { value: model.id, selected: model.id === now }, model.id)));
  return select;
}
const modelOf = (name) => state.models.find((model) => model.id === name);
function download(name, text) {
  const link = h("a", { href: URL.createObjectURL(new Blob([text], { type: "application/json" })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
function searchNote(search) {
  return h("details", {}, h("summary", {}, say("searched") + search.query),
    search.results.length ? search.results.map((hit) => h("p", {}, hit.text, h("br"), h("span", { class: "soft" }, hit.url))) : h("p", {}, say("nothing")));
}
