// Swagger UI has a dark side of its own; it is shown where our pages are dark.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => root.classList.toggle("dark-mode", (root.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark");

  dark.addEventListener("change", apply);
  apply();
})();
