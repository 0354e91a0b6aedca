// While labels are compared, the next screen is fetched, so that going on shows it at once. It is held for a short time;
// later, or where nothing could be fetched, the link goes its usual way.
(() => {
  const MARGIN_MS = 3000; // for the way to the server, which renews the lease when the screen is shown
  let next = null;

  const form = () => document.querySelector("[data-reveal]");

  async function fetchNext() {
    const asked = Date.now();
    const response = await fetch(form().dataset.aheadUrl, {
      method: "POST",
      headers: { "X-CSRFToken": form().elements.csrfmiddlewaretoken.value },
    }).catch(() => null);
    if (response?.status !== 200) return; // nothing is left, or no connection: the link will say which
    next = {
      url: response.headers.get("Content-Location"),
      until: asked + Number(response.headers.get("X-Held-S")) * 1000 - MARGIN_MS,
      page: new DOMParser().parseFromString(await response.text(), "text/html"),
    };
  }

  function show({ url, page }) {
    const main = document.adoptNode(page.querySelector("main"));
    document.querySelector("main").replaceWith(main);
    document.title = page.title;
    history.pushState(null, "", url);
    scrollTo(0, 0);
    document.dispatchEvent(new CustomEvent("review:screen"));
  }

  document.addEventListener("DOMContentLoaded", fetchNext);
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-next-link]") || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (!next || Date.now() > next.until) return;
    event.preventDefault();
    show(next);
  });
  window.addEventListener("popstate", () => location.reload());
})();
