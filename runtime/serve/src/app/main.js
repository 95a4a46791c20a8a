// The tabs, and what stands above them.
const TABS = { chat, playground, compare, tokens };

function choose(name, focus) {
  for (const [other, tab] of Object.entries(TABS)) {
    const panel = document.getElementById("panel-" + other);
    const mark = document.getElementById("tab-" + other);
    mark.setAttribute("aria-selected", String(other === name));
    mark.tabIndex = other === name ? 0 : -1;
    panel.hidden = other !== name;
    if (other === name && !panel.childElementCount) tab.show(panel);
    if (other === name && focus) mark.focus();
  }
  remember("tab", name);
}

function draw() {
  document.documentElement.lang = state.language ? "zh" : "en";
  const names = Object.keys(TABS);
  put(document.getElementById("tabs"), names.map((name, at) => h("button", { role: "tab", type: "button", id: "tab-" + name, "aria-controls": "panel-" + name, onclick: () => choose(name), onkeydown: (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) choose(names[(at + step + names.length) % names.length], true);
  } }, say(name))));
  put(document.getElementById("end"), button("language", () => { if (!chat.running) { state.language = 1 - state.language; remember("language", state.language); draw(); } }),
    button("theme", () => theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark", true)));
  put(document.querySelector("main"), names.map((name) => h("div", { role: "tabpanel", id: "panel-" + name, "aria-labelledby": "tab-" + name, hidden: true })));
  const kept = recall("tab", "chat");
  const talks = state.models.some((model) => model.meta.chat);
  choose(TABS[kept] && (kept !== "chat" || talks) ? kept : talks ? "chat" : "playground");
}

function theme(name, kept) {
  document.documentElement.dataset.theme = name;
  if (kept) remember("theme", name);
}

async function start() {
  const problem = document.getElementById("problem");
  try {
    state.models = (await (await call("v1/models")).json()).data;
    put(problem, state.models.length ? [] : [say("none")]);
    draw();
  } catch (fault) {
    if (fault.status !== 401) return put(problem, fault.message);
    const key = h("input", { type: "password", "aria-label": say("key"), autocomplete: "off" });
    put(problem, h("form", { onsubmit: (event) => { event.preventDefault(); sessionStorage.setItem("llmp.key", key.value); start(); } }, h("label", {}, say("key") + " ", key), h("button", {}, "→")));
    key.focus();
  }
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") [chat, playground, compare].forEach((tab) => tab.running?.abort());
});
theme(recall("theme", matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"), false);
start();
