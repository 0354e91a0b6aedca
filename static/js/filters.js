// A changed filter applies at once; the button is for everybody without this script.
document.addEventListener("change", (event) => event.target.closest("[data-filters]")?.requestSubmit());
