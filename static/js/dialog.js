// A link to a page that asks for confirmation shows that page's question in a dialog. Anything else that
// comes back (signed out meanwhile, no network) is left to the link itself.
let waiting = false;

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-dialog]");
  if (!link || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  if (waiting) return;
  waiting = true;
  const question = (await load(link.href))?.querySelector("[data-confirm]");
  waiting = false;
  if (question) show(document.adoptNode(question), link);
  else location.assign(link.href);
});

// XMLHttpRequest parses a page without a string ever becoming markup in this one, which trusted types forbid.
function load(url) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.responseType = "document";
    request.onloadend = () => resolve(request.status === 200 ? request.response : null);
    request.open("GET", url);
    request.send();
  });
}

function show(question, link) {
  const dialog = document.createElement("dialog");
  dialog.className = "dialog";
  dialog.setAttribute("aria-labelledby", "confirm-title");
  dialog.append(question);
  dialog.addEventListener("click", (event) => {
    if (event.target !== dialog && !event.target.closest("[data-close]")) return;
    event.preventDefault();
    dialog.close();
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    link.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
  // Whoever presses Enter without reading changes nothing.
  dialog.querySelector("[data-close]")?.focus();
}
