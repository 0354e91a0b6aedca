// Light, dark or as the system has it: applied before the first paint, remembered in this browser.
(() => {
  const ORDER = ["system", "light", "dark"];
  const root = document.documentElement;

  function stored() {
    try {
      return localStorage.getItem("theme") || "system";
    } catch {
      return "system"; // storage is off: the system's setting it is
    }
  }

  function apply(theme) {
    if (theme === "system") delete root.dataset.theme;
    else root.dataset.theme = theme;
    const button = document.querySelector("[data-theme-button]");
    if (button) button.querySelector("[data-theme-name]").textContent = theme;
  }

  root.classList.add("js");
  apply(stored());
  document.addEventListener("DOMContentLoaded", () => apply(stored()));
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-button]")) return;
    const next = ORDER[(ORDER.indexOf(stored()) + 1) % ORDER.length];
    try {
      localStorage.setItem("theme", next);
    } catch {
      root.dataset.theme = next; // not remembered, but done
    }
    apply(next);
  });
})();
