// Says the value of a slider in the <output> that belongs to it.
document.addEventListener("input", (event) => {
  if (!event.target.matches("[data-range]")) return;
  document.querySelector(`output[for="${CSS.escape(event.target.id)}"]`).value = event.target.value;
});
