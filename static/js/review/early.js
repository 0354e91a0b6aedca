// Keys that are pressed while a page is still loading are kept, and pressed again once its scripts listen. A page is
// seen before its deferred scripts run: whoever works by the keyboard is often faster. This one is not deferred.
(() => {
  const early = [];
  const keep = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.isComposing) return;
    // What has the focus takes its own keys, script or not.
    if (event.target === document.body || event.target === document.documentElement) early.push(event);
  };

  document.addEventListener("keydown", keep);
  // On the window: after all that waits for the same event on the document.
  window.addEventListener("DOMContentLoaded", () => {
    document.removeEventListener("keydown", keep);
    for (const { key, shiftKey } of early) {
      document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, shiftKey, bubbles: true, cancelable: true }));
    }
  });
})();
