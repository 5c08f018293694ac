// What every page has: the search field at `/`, copy buttons, times in the reader's own zone, words for screen readers.

/** Say something politely to whoever listens instead of looking. */
export function announce(words) {
  const place = document.getElementById("announcer");
  place.textContent = "";
  window.setTimeout(() => (place.textContent = words), 50);
}

/** Headers for a request that changes something. */
export function csrfHeaders() {
  return { "X-CSRF-Token": document.querySelector('meta[name="csrf-token"]').content };
}

function zoneOf(date) {
  return new Intl.DateTimeFormat(undefined, { timeZoneName: "short" }).formatToParts(date).find((part) => part.type === "timeZoneName").value;
}

function localTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const date = new Date(time.dateTime);
    if (Number.isNaN(date.valueOf())) continue;
    time.textContent = date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
    time.title = date.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "long" }); // with the name of the zone
    if (time.closest(".due")) time.textContent += ` ${zoneOf(date)}`; // what is due is told to others, who may be elsewhere
  }
}

function copyButtons(root) {
  for (const listing of root.querySelectorAll("[data-copy]")) {
    if (listing.querySelector(".copy")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(listing.dataset.copy);
        button.textContent = "Copied";
        announce("Copied");
      } catch {
        button.textContent = "Select it, and press Ctrl C";
      }
      window.setTimeout(() => (button.textContent = "Copy"), 2000);
    });
    listing.append(button);
  }
}

function enhance(root) {
  localTimes(root);
  copyButtons(root);
}

document.addEventListener("keydown", (event) => {
  const typing = event.target instanceof Element && event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey || typing) return;
  event.preventDefault();
  document.getElementById("q")?.focus();
});
document.addEventListener("htmx:load", (event) => enhance(event.detail.elt));
enhance(document);
