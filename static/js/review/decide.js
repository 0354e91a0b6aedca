// Deciding on one output: the label that completes the decision leads to its reason, and N leaves the output for later.
(() => {
  const review = () => window.reviewOutputs;
  const isOpen = () => review().open(review().current()).length > 0;
  let wasOpen = true;

  document.addEventListener("review:rated", () => {
    const open = isOpen();
    // In a radio group the arrow keys pass over labels on their way: then the focus stays there.
    if (wasOpen && !open && document.activeElement.type !== "radio") review().current().querySelector("[data-comment] textarea").focus();
    wasOpen = open;
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || document.querySelector("dialog[open]")) return;
    if (event.key.toLowerCase() !== "n" || event.target.closest("textarea, select")) return;
    document.querySelector("[data-next-link]")?.click();
  });
  document.addEventListener("DOMContentLoaded", () => { wasOpen = isOpen(); });
})();
