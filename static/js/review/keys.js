// The keyboard of the review screen. Each key is written where it acts, and all are in the dialog that ? opens.
(() => {
  const review = () => window.reviewOutputs;
  const form = () => document.querySelector("[data-review]");
  const isTyping = (target) => target.closest("textarea, select, input:not([type=radio],[type=checkbox])");
  const undone = []; // each entry: the radio buttons that were checked before one action
  let before = []; // the radio buttons that are checked now, to be pushed there by the next action
  let byPointer = false;

  const say = (text, level) => document.dispatchEvent(new CustomEvent("studio:message", { detail: { text, level } }));
  const checked = () => [...form().querySelectorAll("input[type=radio]:checked")];

  function changed(output) {
    review().describe(output);
    document.dispatchEvent(new CustomEvent("review:rated"));
  }

  function record() {
    undone.push(before);
    before = checked();
  }

  // Only the answer that completes an output moves on: a correction stays where the eyes are.
  function goOn(output) {
    const wasComplete = review().criteria(output).every((criterion) => before.some((input) => criterion.contains(input)));
    record();
    changed(output);
    if (wasComplete || review().open(output).length > 0) return;
    const next = review().next(output);
    if (next) review().focus(next);
    else say("All rated. Enter submits.", "info");
  }

  function rate(input) {
    input.checked = true;
    goOn(review().current());
  }

  function acceptRest() {
    let n = 0;
    for (const output of review().outputs()) {
      for (const criterion of review().open(output)) {
        const passing = criterion.querySelector("[data-passes=yes]");
        if (!passing) continue;
        passing.checked = true;
        n += 1;
      }
      review().describe(output);
    }
    if (n === 0) return;
    record();
    document.dispatchEvent(new CustomEvent("review:rated"));
    say(`${n} open question${n === 1 ? "" : "s"} accepted. U takes it back, Enter submits.`, "info");
  }

  function undo() {
    const then = undone.pop();
    if (!then) return undoSubmit();
    const now = checked();
    for (const input of now) input.checked = false;
    for (const input of then) input.checked = true;
    before = then;
    const touched = now.find((input) => !then.includes(input)) ?? then.find((input) => !now.includes(input));
    for (const output of review().outputs()) review().describe(output);
    if (touched) review().focus(touched.closest("[data-output]"));
    document.dispatchEvent(new CustomEvent("review:rated"));
  }

  // Nothing is left to undo here: the step before was the last submission.
  function undoSubmit() {
    const stays = document.querySelector("[data-undo-refusal]");
    if (stays) say(stays.dataset.undoRefusal, "warning");
    else document.querySelector("[data-undo-submit]")?.click();
  }

  function comment() {
    const details = review().current()?.querySelector("[data-comment]");
    if (!details) return;
    details.open = true;
    details.querySelector("textarea").focus();
  }

  const actions = {
    j: () => review().move(1),
    k: () => review().move(-1),
    ArrowDown: () => review().move(1),
    ArrowUp: () => review().move(-1),
  };
  const rating = { a: acceptRest, u: undo, c: comment, Enter: () => form().requestSubmit() };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.key === "Enter" && !event.shiftKey && event.target.matches("[data-enter-submits]")) {
      event.preventDefault();
      event.target.form.requestSubmit();
      return;
    }
    if (document.querySelector("dialog[open]")) return;
    if (isTyping(event.target)) {
      if (event.key === "Escape") review().focus(review().current());
      return;
    }
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    // In a radio group the arrows choose a label, and on a button or link Enter presses it: the browser's own ways stay.
    if (key.startsWith("Arrow") && event.target.matches("input[type=radio], [data-evidence] [role=region]")) return;
    if (key === "Enter" && event.target.closest("button, a, summary")) return;

    const label = form() && /^[0-9]$/.test(key) && review().current()?.querySelector(`[data-key="${key}"]`);
    const action = actions[key] ?? (form() && rating[key]);
    if (!label && !action) return;
    event.preventDefault();
    if (event.repeat && !key.startsWith("Arrow") && key !== "j" && key !== "k") return;
    if (label) rate(label);
    else action();
  });

  // The mouse and the radio buttons' own arrow keys rate as well. A click that completes an output moves on as a key
  // does; an arrow does not, since it passes over labels on its way.
  document.addEventListener("pointerdown", () => { byPointer = true; }, { capture: true, passive: true });
  document.addEventListener("keydown", () => { byPointer = false; }, { capture: true });
  document.addEventListener("change", (event) => {
    if (!form()?.contains(event.target) || event.target.type !== "radio") return;
    const output = event.target.closest("[data-output]");
    if (byPointer) return goOn(output);
    record();
    changed(output);
  });
  document.addEventListener("review:restored", () => { before = checked(); });
  for (const shown of ["DOMContentLoaded", "review:screen"]) {
    document.addEventListener(shown, () => { if (form()) before = checked(); });
  }
  document.addEventListener("submit", (event) => {
    if (event.target !== form()) return;
    if (!review().firstMissing()) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const open = form().dataset.open || "this output has open questions";
    say(`Not submitted yet: ${open}. Your draft is kept.`, "warning");
  }, true);
})();
