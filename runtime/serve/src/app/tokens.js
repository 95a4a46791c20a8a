// How texts are cut into tokens.
const tokens = {
  async cut() {
    const model = document.getElementById("token-model").value;
    const special = document.getElementById("token-special").checked;
    const talk = document.getElementById("token-talk").checked;
    const shown = await Promise.all(["first", "second"].map(async (name) => {
      const content = document.getElementById("token-" + name).value;
      if (!content) return null;
      try {
        const asked = talk ? { model, messages: [{ role: "user", content }] } : { model, content, special };
        const answer = await (await call("tokenize", asked)).json();
        const pieces = answer.pieces.slice(0, 5000).map((piece, at) => h("span", { class: "token " + (piece.special ? "special" : "c" + (at % 5)), title: `${piece.id}: ${piece.bytes.map((byte) => byte.toString(16).padStart(2, "0")).join(" ")}` },
          piece.text === null ? piece.bytes.map((byte) => `<${byte.toString(16).padStart(2, "0")}>`).join("") : visible(piece.text)));
        return h("div", { class: "card" }, h("div", { class: "soft" }, `${answer.count} ${say("count")}`), h("div", { class: "text" }, pieces), h("div", { class: "soft" }, answer.tokens.slice(0, 5000).join(" ")));
      } catch (fault) {
        return h("div", { class: "fault", role: "alert" }, fault.message);
      }
    }));
    put(document.getElementById("pieces"), shown);
  },
  show(panel) {
    const select = chooser("tokens", () => true, () => tokens.cut());
    select.id = "token-model";
    const area = (name) => h("label", {}, say(name), h("textarea", { id: "token-" + name, rows: 4, cols: 50, oninput: () => { clearTimeout(tokens.soon); tokens.soon = setTimeout(tokens.cut, 200); } }));
    const check = (name, word) => h("label", {}, say(word), h("input", { type: "checkbox", id: name, onchange: () => tokens.cut() }));
    put(panel, h("div", { class: "work" }, h("div", { class: "row" }, h("label", {}, say("model"), select), check("token-special", "special"), check("token-talk", "talk")),
      h("div", { class: "row" }, area("first"), area("second")), h("div", { id: "pieces", class: "columns", "aria-live": "polite" })));
  },
};
