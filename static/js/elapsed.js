// Counts on between two answers of the server, and opens the history for a link to one of its lines.
(() => {
  let shown = null;
  let since = 0;

  setInterval(() => {
    const clock = document.querySelector("[data-elapsed-since]");
    if (!clock) return;
    if (clock !== shown) {
      shown = clock;
      since = performance.now() - Number(clock.dataset.elapsedSince) * 1000;
    }
    clock.textContent = `${Math.round((performance.now() - since) / 1000)} s`;
  }, 250);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("[data-opens-line]");
    const line = link && document.getElementById(link.dataset.opensLine);
    if (line) line.closest("details").open = true;
  });
})();
