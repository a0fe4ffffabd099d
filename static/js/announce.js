const region = document.querySelector("[data-announcer]");

// Emptied first, because a live region stays silent when its text does not change.
export function announce(text) {
  region.textContent = "";
  setTimeout(() => { region.textContent = text; }, 50);
}

// A notice that came with the page is no change, so screen readers would pass over it.
const notice = document.querySelector("[data-notice]");
if (notice) announce(notice.textContent.trim());
