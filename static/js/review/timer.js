// Counts the seconds at work, and tells the server that somebody is: a lease without signs of life goes to others.
(() => {
  const IDLE_MS = 60000; // ours: a minute without key, pointer or scroll is not work
  let lastSign = Date.now();
  let lastBeat = Date.now();

  const form = () => document.querySelector("[data-review]");

  async function beat() {
    lastBeat = Date.now();
    const response = await fetch(form().dataset.heartbeatUrl, {
      method: "POST",
      headers: { "X-CSRFToken": form().elements.csrfmiddlewaretoken.value, Accept: "application/json" },
    }).catch(() => null); // no connection: the next beat tries again
    if (!response || response.ok || response.status >= 500) return;
    const answer = await response.json().catch(() => ({}));
    const text = answer.detail || "This screen is no longer yours; what you saved is kept. Reload the page.";
    document.dispatchEvent(new CustomEvent("studio:message", { detail: { text, level: "error" } }));
  }

  for (const sign of ["keydown", "pointerdown", "pointermove", "scroll"]) {
    document.addEventListener(sign, () => { lastSign = Date.now(); }, { capture: true, passive: true });
  }
  function start() {
    if (!form()) return;
    const leaseMs = Number(form().dataset.leaseS) * 1000;
    setInterval(() => {
      const working = document.visibilityState === "visible" && Date.now() - lastSign < IDLE_MS;
      if (!working) return;
      const seconds = form().elements.seconds;
      seconds.value = (Number(seconds.value) + 1).toFixed(1);
      if (Date.now() - lastBeat > leaseMs / 3) beat();
    }, 1000);
  }

  document.addEventListener("DOMContentLoaded", start);
  document.addEventListener("review:screen", () => {
    lastSign = Date.now();
    beat(); // it was held for a short time only
    start();
  });
})();
