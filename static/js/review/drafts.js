// Saves the draft while it is made: to the server a moment after each change, and to this browser at once, so that
// neither a closed tab nor a lost connection costs a label. What was saved, and what was not, is said in the footer.
(() => {
  const WAIT_MS = 400;
  const RETRY_MS = [2000, 4000, 8000, 15000];
  let timer = null;
  let saving = null;
  let dirty = false;
  let failures = 0;
  let lost = false;
  let savedAt = 0;

  const form = () => document.querySelector("[data-review]");
  const key = () => `draft:${form().dataset.review}`;
  const version = () => form().elements.version;

  function say(text, bad = false) {
    const status = document.querySelector("[data-status]");
    status.textContent = text;
    status.classList.toggle("review__status--bad", bad);
  }

  function fields() {
    return [...new FormData(form())].filter(([name, value]) => value && /^(label|comment)-/.test(name));
  }

  function mirror() {
    try {
      const draft = { version: Number(version().value), sending: saving !== null, fields: fields() };
      localStorage.setItem(key(), JSON.stringify(draft));
    } catch {
      // Private mode or a full store: the server's copy is the one that counts.
    }
  }

  function forget() {
    try {
      localStorage.removeItem(key());
    } catch {
      // as above
    }
  }

  function restore() {
    let kept = null;
    try {
      kept = JSON.parse(localStorage.getItem(key()));
    } catch {
      return;
    }
    // A newer version on the server was saved elsewhere since: that one wins. Unless it is our own save that was still
    // on its way when this copy was made.
    const newest = Number(version().value);
    if (!kept || (kept.version !== newest && !(kept.sending && kept.version + 1 === newest))) return;
    for (const [name, value] of kept.fields) {
      const field = form().elements[name];
      if (!field) continue;
      field.value = value; // sets a text, or checks the radio button of that value
    }
    for (const output of window.reviewOutputs.outputs()) window.reviewOutputs.describe(output);
    document.dispatchEvent(new CustomEvent("review:restored"));
    changed();
  }

  function changed() {
    if (lost) return;
    dirty = true;
    mirror();
    say("Not saved yet …");
    clearTimeout(timer);
    timer = setTimeout(save, WAIT_MS);
  }

  async function save() {
    if (saving || !dirty || lost) return;
    dirty = false;
    saving = send();
    await saving;
    saving = null;
    if (dirty && failures === 0) save();
  }

  async function send() {
    let response;
    try {
      response = await fetch(form().dataset.draftUrl, { method: "POST", body: new FormData(form()), headers: { Accept: "application/json" } });
    } catch {
      return retry("No connection: kept in this browser, trying again");
    }
    const answer = await response.json().catch(() => ({}));
    if (response.ok) {
      version().value = answer.version;
      failures = 0;
      savedAt = Date.now();
      if (!dirty) forget();
      else mirror();
      return say("Saved just now");
    }
    if (response.status >= 500 || response.status === 429) return retry("The server could not save: kept in this browser, trying again");
    // Refused for good (the lease ran out, another tab saved, signed out): say so, and stop pretending.
    lost = true;
    say("Not saved", true);
    const text = answer.detail || `The server refused the draft (${response.status}). It is kept in this browser; reload the page.`;
    document.dispatchEvent(new CustomEvent("studio:message", { detail: { text, level: "error" } }));
  }

  function retry(text) {
    dirty = true;
    say(text, true);
    timer = setTimeout(save, RETRY_MS[Math.min(failures, RETRY_MS.length - 1)]);
    failures += 1;
  }

  document.addEventListener("review:rated", changed);
  document.addEventListener("input", (event) => {
    if (event.target.matches("[data-review] textarea")) changed();
  });
  window.addEventListener("online", () => {
    clearTimeout(timer);
    save();
  });
  // A closing page gives the browser its last draft to deliver.
  window.addEventListener("pagehide", () => {
    if (dirty && !lost) navigator.sendBeacon(form().dataset.draftUrl, new FormData(form()));
  });
  document.addEventListener("submit", (event) => {
    if (event.target !== form()) return;
    clearTimeout(timer);
    dirty = false; // the form carries everything that a draft would
    say("Submitting …");
  });
  function start() {
    if (!form()) return;
    restore();
    setInterval(() => {
      const minutes = Math.floor((Date.now() - savedAt) / 60000);
      if (savedAt && !dirty && !lost && minutes > 0) say(`Saved ${minutes} min ago`);
    }, 30000);
  }

  document.addEventListener("DOMContentLoaded", start);
  document.addEventListener("review:screen", start);
})();
