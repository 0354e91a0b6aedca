// After submitting: Enter goes on; R (or the button) opens the labels for a revision; M tells whose the answers of a
// pair are, which are not revised; U takes the submission back.
(() => {
  const form = () => document.querySelector("[data-reveal]");
  const fields = () => form().querySelectorAll("[data-output] input, [data-output] textarea");

  function revise() {
    for (const field of fields()) field.disabled = false;
    form().querySelector("[data-revise]").hidden = true;
    form().querySelector("[data-save-revision]").hidden = false;
    form().querySelector("[data-output][aria-current] input:checked, [data-output] input:checked")?.focus();
  }

  document.addEventListener("DOMContentLoaded", () => {
    try {
      // Submitted: the browser's copy of the draft has done its work.
      localStorage.removeItem(`draft:${location.pathname.split("/").at(-2)}`);
    } catch {
      // no storage, nothing to forget
    }
    for (const field of fields()) field.disabled = true;
    if (!form().querySelector("[data-revise]")) return;
    form().querySelector("[data-revise]").hidden = false;
    form().querySelector("[data-save-revision]").hidden = true;
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-revise]")) revise();
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (!form() || event.target.closest("textarea")) return; // without it, the next screen has taken its place
    const button = form().querySelector("[data-revise]");
    const revising = button?.hidden ?? false;
    if (event.key.toLowerCase() === "m" && !event.repeat) form().querySelector("[data-whose]")?.click();
    if (event.key.toLowerCase() === "r" && button && !revising) {
      event.preventDefault();
      revise();
    }
    const undo = form().querySelector("[data-undo-submit]");
    if (event.key.toLowerCase() === "u" && undo && !revising && !event.repeat) {
      event.preventDefault();
      undo.click();
    }
    if (event.key === "Enter" && !event.target.closest("button, a, summary, input")) {
      event.preventDefault();
      form().querySelector("[data-next-link]").click();
    }
  });
})();
