// Enter on the list of campaigns starts the first one that has work.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.target.closest("a, button, summary, input, textarea, select")) return;
  document.querySelector("[data-start]")?.click();
});
