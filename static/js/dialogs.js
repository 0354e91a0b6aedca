// Opens and closes <dialog> elements: by a button's data-opens, by a key in the dialog's data-key, by data-closes.
(() => {
  const isTyping = (target) => target.closest?.("input:not([type=radio],[type=checkbox],[type=range]), textarea, select, [contenteditable]");

  function open(dialog) {
    if (!dialog || dialog.open || document.querySelector("dialog[open]")) return;
    dialog.showModal();
    dialog.querySelector("[data-first]")?.focus();
  }

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) open(document.getElementById(opener.dataset.opens));
    if (event.target.closest("[data-closes]") || event.target.matches("dialog")) event.target.closest("dialog")?.close();
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const dialog = document.querySelector(`dialog[data-key="${CSS.escape(event.key.toLowerCase())}"]`);
    if (!dialog) return;
    event.preventDefault();
    if (dialog.open) dialog.close();
    else open(dialog);
  });
})();
