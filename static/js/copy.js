import { announce } from "./announce.js";

for (const button of document.querySelectorAll("[data-copy]")) {
  const label = button.querySelector("[data-copy-label]");
  button.addEventListener("click", async () => {
    const done = await copy(document.getElementById(button.dataset.copy));
    label.textContent = done ? "Copied" : "Selected";
    announce(done ? button.dataset.copied : "It is selected. Copy it with the keyboard.");
    setTimeout(() => { label.textContent = "Copy"; }, 3000);
  });
}

// Browsers offer the clipboard on https only; elsewhere the text is selected and copied the old way.
async function copy(element) {
  try {
    await navigator.clipboard.writeText(element.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(element);
    return document.execCommand("copy");
  }
}
