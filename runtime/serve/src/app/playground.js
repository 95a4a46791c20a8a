// A text goes on: each token in the colour of its probability, with what else the model weighed.
const shade = (logprob) => { const p = Math.exp(logprob ?? 0); return "p" + (p < 0.02 ? 0 : p < 0.1 ? 1 : p < 0.3 ? 2 : p < 0.7 ? 3 : 4); };
const visible = (text) => (text === "" ? "∅" : text.replace(/\n/g, "⏎\n").replace(/\t/g, "⇥"));
const percent = (p) => (p * 100).toFixed(p < 0.001 ? 3 : 1) + " %";

// The chance of each shown token in the draw that the settings make.
function chances(top, { temperature = 1, top_k = 0, top_p = 1, min_p = 0 }) {
  const sorted = [...top].sort((a, b) => b.logprob - a.logprob);
  if (!sorted.length) return new Map();
  if (temperature <= 0) return new Map([[sorted[0].id, 1]]);
  let kept = sorted.map((one) => ({ id: one.id, weight: Math.exp((one.logprob - sorted[0].logprob) / temperature) }));
  if (top_k > 0) kept = kept.slice(0, top_k);
  kept = kept.filter((one) => one.weight >= min_p);
  const sum = () => kept.reduce((all, one) => all + one.weight, 0);
  if (top_p < 1) {
    const all = sum();
    let reached = 0;
    kept = kept.filter((one) => { const before = reached; reached += one.weight; return before < top_p * all; });
  }
  const all = sum();
  return new Map(kept.map((one) => [one.id, one.weight / all]));
}

const playground = {
  running: null,
  // `own` is what was given, `told` what was written or chosen since.
  async write(own, told, card, seed) {
    const now = settings("playground", { temperature: 0.8, max_tokens: 48 });
    const { n, ...drawn } = now;
    const text = h("div", { class: "text" });
    const note = h("div", { class: "soft", "aria-live": "polite" });
    put(card, text, note);
    const tokens = told.map((token) => ({ ...token }));
    const model = document.getElementById("play-model").value;
    const add = (token, at) => {
      const span = h("button", { class: "token " + shade(token.logprob), type: "button", title: token.logprob === null || token.logprob === undefined ? "" : percent(Math.exp(token.logprob)) }, visible(token.text ?? "�"));
      const choose = () => {
        document.querySelectorAll(".token.on").forEach((other) => other.classList.remove("on"));
        span.classList.add("on");
        playground.weigh(token, now, (other) => {
          const before = tokens.slice(0, at);
          playground.begin(() => playground.write(own, [...before, { ...other, top: token.top }], card, seed));
        });
      };
      span.addEventListener("mouseenter", choose);
      span.addEventListener("focus", choose);
      span.addEventListener("click", choose);
      text.append(span);
    };
    tokens.forEach(add);
    const body = { model, prompt: [...own, ...tokens.map((token) => token.id)], logprobs: 12, return_token_ids: true, max_tokens: 48, temperature: 0.8, ...drawn };
    if (seed !== undefined) body.seed = seed;
    try {
      for await (const event of events("v1/completions", body, playground.running.signal)) {
        note.textContent = `${say("seed").split(/[ （]/)[0]} ${event.seed}`;
        for (const token of event.choices[0]?.token_details || []) {
          tokens.push(token);
          add(token, tokens.length - 1);
        }
        if (event.choices[0]?.finish_reason === "length") note.append(" · " + say("cut"));
      }
    } catch (fault) {
      if (fault.name !== "AbortError") text.append(h("div", { class: "fault", role: "alert" }, fault.message));
    }
  },
  // Shows what was weighed in place of a token; another may be chosen.
  weigh(token, now, choose) {
    const chance = chances(token.top || [], now);
    put(document.getElementById("weighed"), h("p", { class: "soft" }, say("lottery")), h("div", { class: "bars" }, (token.top || []).flatMap((one) => {
      const out = chance.has(one.id) ? "" : " out";
      return [h("button", { type: "button", class: (one.id === token.id ? "drawn" : "") + out, onclick: () => choose(one) }, visible(one.text)),
        h("meter", { min: 0, max: 1, value: Math.exp(one.logprob), "aria-label": percent(Math.exp(one.logprob)) }), h("span", { class: "soft" }, `${percent(Math.exp(one.logprob))} → ${chance.has(one.id) ? percent(chance.get(one.id)) : "0"}`)];
    })));
  },
  async begin(work) {
    playground.running?.abort();
    playground.running = new AbortController();
    const mine = playground.running;
    document.getElementById("play-halt").hidden = false;
    await work();
    if (playground.running === mine) {
      playground.running = null;
      document.getElementById("play-halt").hidden = true;
    }
  },
  async start() {
    const now = settings("playground", { temperature: 0.8, max_tokens: 48 });
    const model = document.getElementById("play-model").value;
    const samples = document.getElementById("samples");
    try {
      const answer = await (await call("tokenize", { model, content: document.getElementById("play-text").value })).json();
      const begin = modelOf(model)?.meta.begin;
      const prompt = typeof begin === "number" ? [begin, ...answer.tokens] : answer.tokens;
      const cards = Array.from({ length: Math.min(now.n || 1, 6) }, () => h("div", { class: "card" }));
      put(samples, cards);
      await playground.begin(() => Promise.all(cards.map((card, at) => playground.write(prompt, [], card, now.seed === undefined ? undefined : now.seed + at))));
    } catch (fault) {
      put(samples, h("div", { class: "fault", role: "alert" }, fault.message));
    }
  },
  show(panel) {
    const base = state.models.find((model) => !model.meta.chat);
    if (base && recall("model.playground", null) === null) remember("model.playground", base.id);
    const select = chooser("playground", () => true);
    select.id = "play-model";
    const text = h("textarea", { id: "play-text", rows: 4, onkeydown: (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) playground.start(); } });
    put(panel, h("aside", { "aria-label": say("settings") }, h("label", {}, say("model"), select), fields("playground", { temperature: 0.8, max_tokens: 48 }, [["n", 1, 6, 1]])),
      h("div", { class: "work" }, h("label", {}, say("text"), h("div", { class: "entry" }, text)), h("div", { class: "row" }, button("go", playground.start, { class: "main" }), button("stop", () => playground.running?.abort(), { id: "play-halt", hidden: true })),
        h("div", { class: "soft" }, say("hint")), h("div", { id: "samples", class: "columns" }), h("div", { id: "weighed", role: "region", "aria-label": say("lottery") })));
  },
};
