// One question to all models, side by side.
const compare = {
  running: null,
  async ask() {
    const question = document.getElementById("compare-question").value;
    if (!question.trim()) return;
    compare.running?.abort();
    compare.running = new AbortController();
    const { signal } = compare.running;
    document.getElementById("compare-halt").hidden = false;
    const now = { temperature: 0, max_tokens: 96, ...settings("compare", {}) };
    const columns = state.models.map((model) => ({ model, body: h("div", { "aria-live": "polite" }) }));
    put(document.getElementById("columns"), columns.map(({ model, body }) => h("section", { class: "card" }, h("h2", {}, model.id), model.meta.chat ? null : h("div", { class: "soft" }, say("base")), body)));
    await Promise.all(columns.map(async ({ model, body }) => {
      try {
        const talks = model.meta.chat;
        const path = talks ? "v1/chat/completions" : "v1/completions";
        const asked = talks ? { messages: [{ role: "user", content: question }], truncation: "auto" } : { prompt: question + "\n" };
        for await (const event of events(path, { model: model.id, ...now, ...asked }, signal)) {
          const choice = event.choices[0];
          for (const search of choice?.delta?.searches || []) body.append(searchNote(search));
          body.append(choice?.delta?.content ?? choice?.text ?? "");
        }
        if (!body.textContent) body.append(h("span", { class: "soft" }, say("empty")));
      } catch (fault) {
        if (fault.name !== "AbortError") body.append(h("div", { class: "fault", role: "alert" }, fault.message));
      }
    }));
    document.getElementById("compare-halt").hidden = true;
  },
  show(panel) {
    const question = h("textarea", { id: "compare-question", "aria-label": say("question"), placeholder: say("ask"), onkeydown: (event) => {
      if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); compare.ask(); }
    } });
    put(panel, h("div", { class: "work" }, h("div", { class: "entry" }, question, button("send", compare.ask, { class: "main" }), button("stop", () => compare.running?.abort(), { id: "compare-halt", hidden: true })),
      h("div", { class: "row" }, fields("compare", { temperature: 0, max_tokens: 96 })), h("div", { id: "columns", class: "columns" })));
  },
};
