// Conversations as trees: each edit and each regeneration is a branch beside the one before.
const chat = {
  talks: recall("talks", []), now: null, running: null,
  keep() { remember("talks", chat.talks); },
  fresh() {
    chat.now = { id: id(), title: "", system: "", nodes: [], leaf: null };
    chat.draw();
    document.getElementById("question").focus();
  },
  node: (key) => chat.now.nodes.find((node) => node.id === key),
  path() {
    const path = [];
    for (let node = chat.node(chat.now.leaf); node; node = chat.node(node.parent)) path.unshift(node);
    return path;
  },
  beside: (node) => chat.now.nodes.filter((other) => other.parent === node.parent),
  // The newest message below a node.
  leafOf(key) {
    for (;;) {
      const below = chat.now.nodes.filter((node) => node.parent === key);
      if (!below.length) return key;
      key = below.at(-1).id;
    }
  },
  add(parent, role, text) {
    const node = { id: id(), parent, role, text, searches: [] };
    chat.now.nodes.push(node);
    chat.now.leaf = node.id;
    if (!chat.talks.includes(chat.now)) chat.talks.unshift(chat.now);
    chat.now.title ||= text.slice(0, 60);
    return node;
  },
  async answer(parent) {
    if (chat.running) return;
    const talk = chat.now;
    const node = chat.add(parent, "assistant", "");
    const body = { model: document.getElementById("chat-model").value, truncation: "auto", ...settings("chat", { temperature: 0 }), messages: [] };
    if (talk.system.trim()) body.messages.push({ role: "system", content: talk.system });
    for (const said of chat.path().slice(0, -1)) body.messages.push({ role: said.role, content: said.text });
    chat.running = new AbortController();
    chat.draw();
    const place = document.getElementById("n" + node.id);
    try {
      for await (const event of events("v1/chat/completions", body, chat.running.signal)) {
        if (event.forgotten) node.forgotten = event.forgotten;
        node.seed = event.seed;
        node.model = event.model;
        const choice = event.choices[0];
        for (const search of choice?.delta?.searches || []) {
          node.searches.push({ at: node.text.length, ...search });
          place?.append(searchNote(search));
        }
        if (choice?.delta?.content) {
          node.text += choice.delta.content;
          place?.append(choice.delta.content);
        }
        node.end = choice?.finish_reason || node.end;
      }
    } catch (fault) {
      if (fault.name === "AbortError") node.end = "stopped"; else node.fault = fault.message;
    }
    chat.running = null;
    chat.keep();
    chat.draw();
    document.getElementById("question").focus();
  },
  message(node) {
    const beside = chat.beside(node);
    const at = beside.indexOf(node);
    const go = (step) => () => { chat.now.leaf = chat.leafOf(beside[at + step].id); chat.keep(); chat.draw(); };
    const body = h("div", { id: "n" + node.id });
    let done = 0;
    for (const search of node.searches) {
      body.append(node.text.slice(done, search.at), searchNote(search));
      done = search.at;
    }
    body.append(node.text.slice(done));
    const idle = !chat.running;
    const notes = [node.forgotten && say("forgot") + node.forgotten, node.end === "stopped" && say("stopped"), node.end === "length" && say("cut"),
      node.role === "assistant" && idle && !node.text && !node.fault && say("empty"), node.model && `${node.model} · ${node.seed ?? ""}`];
    const block = h("div", { class: "message " + node.role }, h("span", { class: "hide" }, say(node.role) + ": "), body, node.fault ? h("div", { class: "fault", role: "alert" }, node.fault) : null,
      h("div", { class: "tools" },
        beside.length > 1 ? [h("button", { class: "small", type: "button", disabled: at === 0 || !idle, onclick: go(-1), "aria-label": say("before") }, "‹"), `${at + 1}/${beside.length}`,
          h("button", { class: "small", type: "button", disabled: at === beside.length - 1 || !idle, onclick: go(1), "aria-label": say("after") }, "›")] : null,
        idle && node.role === "user" ? button("edit", () => edit(), { class: "small" }) : null,
        idle && node.role === "assistant" ? button("again", () => chat.answer(node.parent), { class: "small" }) : null,
        notes.filter(Boolean).join(" · ")));
    const edit = () => {
      const area = h("textarea", { "aria-label": say("edit") });
      area.value = node.text;
      put(block, area, h("div", { class: "tools" }, button("send", () => { if (area.value.trim()) chat.answer(chat.add(node.parent, "user", area.value).id); }, { class: "small main" }), button("cancel", chat.draw, { class: "small" })));
      area.focus();
    };
    return block;
  },
  list() {
    const word = document.getElementById("find")?.value.toLowerCase() || "";
    const shown = chat.talks.filter((talk) => talk.nodes.some((node) => node.text.toLowerCase().includes(word)));
    put(document.getElementById("talks"), shown.slice(0, 200).map((talk) => h("li", { "aria-current": String(talk === chat.now) },
      h("button", { type: "button", onclick: () => { if (!chat.running) { chat.now = talk; chat.draw(); } } }, talk.title || "…"),
      h("button", { class: "small", type: "button", "aria-label": `${say("remove")}: ${talk.title}`, onclick: () => {
        chat.talks = chat.talks.filter((other) => other !== talk);
        chat.keep();
        if (talk === chat.now) chat.fresh(); else chat.list();
      } }, "×"))));
  },
  lines() {
    const of = (talk) => {
      const messages = [];
      for (let node = talk.nodes.find((it) => it.id === talk.leaf); node; node = talk.nodes.find((it) => it.id === node.parent)) {
        messages.unshift({ role: node.role, content: node.text });
      }
      return JSON.stringify({ messages: talk.system.trim() ? [{ role: "system", content: talk.system }, ...messages] : messages });
    };
    download("conversations.jsonl", chat.talks.map((talk) => of(talk) + "\n").join(""));
  },
  async load(file) {
    // What is read is checked part by part: a file may come from anywhere.
    const text = (value) => (typeof value === "string" ? value : "");
    const read = JSON.parse(await file.text());
    for (const talk of Array.isArray(read) ? read : []) {
      if (!Array.isArray(talk?.nodes)) continue;
      const nodes = talk.nodes.map((node) => ({ id: text(node.id), parent: node.parent === null ? null : text(node.parent), role: node.role === "user" ? "user" : "assistant", text: text(node.text),
        searches: (Array.isArray(node.searches) ? node.searches : []).map((search) => ({ at: Number(search.at) || 0, query: text(search.query), results: (Array.isArray(search.results) ? search.results : []).map((hit) => ({ text: text(hit.text), url: text(hit.url) })) })) }));
      // A parent stands before its children, so that there is no circle.
      const seen = new Set([null]);
      const whole = nodes.filter((node) => /^[a-z0-9]+$/.test(node.id) && seen.has(node.parent) && seen.add(node.id));
      if (whole.length) chat.talks.unshift({ id: id(), title: text(talk.title), system: text(talk.system), nodes: whole, leaf: whole.at(-1).id });
    }
    chat.keep();
    chat.list();
  },
  draw() {
    const talk = document.getElementById("talk");
    put(talk, chat.path().map(chat.message));
    talk.scrollTop = talk.scrollHeight;
    document.getElementById("system").value = chat.now.system;
    document.getElementById("send").hidden = Boolean(chat.running);
    document.getElementById("halt").hidden = !chat.running;
    chat.list();
  },
  show(panel) {
    const file = h("input", { type: "file", accept: ".json", class: "hide", tabindex: -1, "aria-label": say("load"), onchange: () => chat.load(file.files[0]).catch((fault) => alert(fault.message)) });
    const question = h("textarea", { id: "question", "aria-label": say("ask"), placeholder: say("ask"), onkeydown: (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); send(); }
    } });
    const send = () => {
      if (!question.value.trim() || chat.running) return;
      const asked = chat.add(chat.now.leaf, "user", question.value);
      question.value = "";
      chat.answer(asked.id);
    };
    const select = chooser("chat", (model) => model.meta.chat);
    select.id = "chat-model";
    put(panel, h("aside", { "aria-label": say("settings") }, button("fresh", () => { if (!chat.running) chat.fresh(); }), h("label", {}, say("model"), select),
      h("label", {}, say("system"), h("textarea", { id: "system", rows: 3, onchange: (event) => { chat.now.system = event.target.value; chat.keep(); } })),
      h("details", {}, h("summary", {}, say("settings")), fields("chat", { temperature: 0 })),
      h("label", {}, say("find"), h("input", { id: "find", type: "search", oninput: chat.list })), h("ul", { id: "talks" }),
      button("save", () => download("llmp-chats.json", JSON.stringify(chat.talks))), button("lines", chat.lines), button("load", () => file.click()), file),
    h("div", { class: "work" }, h("div", { class: "talk", id: "talk", role: "log", "aria-live": "polite", tabindex: 0, "aria-label": say("chat") }),
      h("div", { class: "entry" }, question, button("send", send, { id: "send", class: "main" }), button("stop", () => chat.running?.abort(), { id: "halt", hidden: true }))));
    if (chat.now) chat.draw(); else { chat.now = chat.talks[0] || { id: id(), title: "", system: "", nodes: [], leaf: null }; chat.draw(); }
  },
};
