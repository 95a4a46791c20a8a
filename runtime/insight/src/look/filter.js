"use strict";
const rule = document.getElementById("rule");
const text = document.getElementById("text");
const show = () => {
  const wanted = text.value.toLowerCase();
  for (const part of document.querySelectorAll("section")) part.hidden = rule.value !== "" && part.dataset.rule !== rule.value;
  for (const one of document.querySelectorAll(".document")) one.hidden = !one.textContent.toLowerCase().includes(wanted);
};
rule.addEventListener("change", show);
text.addEventListener("input", show);
