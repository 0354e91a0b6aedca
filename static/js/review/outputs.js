// The outputs of a review screen: which one is in focus, what it cites, what is still open.
// Others listen to "review:rated" (a label or comment changed) and "review:screen" (the next screen took the place of
// this one), and call the functions in window.reviewOutputs.
(() => {
  const outputs = () => [...document.querySelectorAll("[data-output]")];
  const current = () => document.querySelector("[data-output][aria-current]");
  const criteria = (output) => [...output.querySelectorAll("[data-criterion]")];
  const chosen = (criterion) => criterion.querySelector("input:checked");
  const open = (output) => criteria(output).filter((criterion) => !chosen(criterion));
  const rating = () => document.querySelector("[data-review]") !== null;

  function cite(output) {
    const cited = new Set(output.dataset.lines.split(" ").filter(Boolean));
    let first = null;
    for (const line of document.querySelectorAll("[data-line]")) {
      const hit = cited.has(line.dataset.line);
      line.classList.toggle("evidence__line--cited", hit);
      line.querySelector("[data-cited]").hidden = !hit;
      if (hit) first ??= line;
    }
    // Scrolls the panel of the history only, never the page under the reader.
    const panel = first?.closest("[data-evidence]");
    if (panel) panel.scrollTop = Math.max(0, first.offsetTop - panel.firstElementChild.offsetHeight - 40);
  }

  function focus(output, { take = true, scroll = true } = {}) {
    if (!output) return;
    for (const other of outputs()) {
      const is = other === output;
      if (is) other.setAttribute("aria-current", "true");
      else other.removeAttribute("aria-current");
      other.classList.toggle("output--open", is);
      other.tabIndex = is ? 0 : -1;
    }
    cite(output);
    if (take) {
      output.focus({ preventScroll: true });
      if (scroll) output.scrollIntoView({ block: "nearest" });
    }
  }

  function move(step) {
    const all = outputs();
    focus(all[Math.min(all.length - 1, Math.max(0, all.indexOf(current()) + step))]);
  }

  function describe(output) {
    const state = output.querySelector("[data-state]");
    const labels = criteria(output).map(chosen);
    const missing = labels.filter((label) => !label).length;
    const failing = labels.filter((label) => label?.dataset.passes === "no").map((label) => label.dataset.title);
    const text = document.createElement("span");
    text.className = missing ? "dim" : failing.length ? "fail" : "pass";
    text.textContent = missing ? `${missing} to rate` : failing.length ? `✕ ${failing.join(", ")}` : "✓ passes";
    state?.replaceChildren(text); // a pair has none: it is right or open as a whole
    for (const criterion of criteria(output)) if (chosen(criterion)) criterion.classList.remove("criterion--missing");
  }

  function next(after) {
    const all = outputs();
    const later = all.slice(all.indexOf(after) + 1).concat(all);
    return later.find((output) => open(output).length > 0);
  }

  // A form that is not complete goes nowhere: the first open question is shown instead.
  function firstMissing() {
    const output = outputs().find((candidate) => open(candidate).length > 0);
    if (!output) return null;
    focus(output);
    for (const criterion of open(output)) criterion.classList.add("criterion--missing");
    return output;
  }

  window.reviewOutputs = { outputs, current, criteria, chosen, open, focus, move, next, describe, firstMissing };

  document.addEventListener("click", (event) => {
    const output = event.target.closest("[data-output]");
    if (output && output !== current()) focus(output, { take: !event.target.closest("label, input, summary, textarea, button, a") });
  });
  document.addEventListener("focusin", (event) => {
    const output = event.target.closest?.("[data-output]");
    if (output && output !== current()) focus(output, { take: false });
  });
  document.addEventListener("change", (event) => {
    const output = event.target.closest("[data-output]");
    if (output && event.target.type === "radio") describe(output);
  });
  function start() {
    const first = (rating() && outputs().find((output) => open(output).length > 0)) || outputs()[0];
    // A page that has just been opened stays at its top; only work that is half done is scrolled to.
    if (first) focus(first, { scroll: first !== outputs()[0] });
    const evidence = document.querySelector("[data-evidence]");
    if (evidence && matchMedia("(max-width: 760px)").matches) evidence.open = false;
  }

  document.addEventListener("DOMContentLoaded", start);
  document.addEventListener("review:screen", start);
})();
