// Messages in the live region: from the server's page, from scripts ("studio:message"), and from failed htmx requests.
(() => {
  const region = () => document.getElementById("messages");

  function show(text, level = "info") {
    const template = document.getElementById("message-template");
    const message = template.content.firstElementChild.cloneNode(true);
    message.classList.add(`message--${level}`);
    message.querySelector("[data-message-text]").textContent = text;
    for (const old of region().querySelectorAll("[data-message]")) {
      if (old.querySelector("[data-message-text]").textContent.trim() === text) old.remove();
    }
    region().append(message);
    // Errors stay until they are closed: what was lost or kept must not scroll by.
    if (level !== "error") setTimeout(() => message.remove(), 6000);
  }

  function reason(xhr) {
    try {
      const problem = JSON.parse(xhr.responseText);
      return problem.detail || problem.title;
    } catch {
      return "";
    }
  }

  document.addEventListener("studio:message", (event) => show(event.detail.text, event.detail.level));
  document.addEventListener("click", (event) => event.target.closest("[data-message-close]")?.closest("[data-message]").remove());
  document.addEventListener("DOMContentLoaded", () => {
    for (const message of region()?.querySelectorAll(".message--success, .message--info") ?? []) {
      setTimeout(() => message.remove(), 6000);
    }
  });
  document.addEventListener("htmx:responseError", (event) => {
    const { xhr } = event.detail;
    show(reason(xhr) || `The server answered ${xhr.status}. Nothing on this page was changed; reload it, or try again.`, "error");
  });
  document.addEventListener("htmx:sendError", () => {
    show("No answer from the server. Nothing on this page was changed; it will be asked again.", "error");
  });
})();
