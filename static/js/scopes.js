// A right that outranks others ticks and locks them, and says so. Locked boxes stay focusable and are sent;
// the server fills in the same rights again.
for (const matrix of document.querySelectorAll("[data-scopes]")) {
  const boxes = [...matrix.querySelectorAll("input[type=checkbox]")];
  const locked = (box) => box.getAttribute("aria-disabled") === "true";
  const byHand = new Set(boxes.filter((box) => box.checked && !locked(box)));

  const refresh = () => {
    const superior = new Map();
    for (const box of byHand) {
      for (const value of box.dataset.implies.split(" ").filter(Boolean)) {
        // The one that fills in most is the one to name.
        if ((superior.get(value)?.dataset.implies.length ?? -1) < box.dataset.implies.length) superior.set(value, box);
      }
    }
    for (const box of boxes) {
      const by = superior.get(box.value);
      box.checked = byHand.has(box) || Boolean(by);
      box.toggleAttribute("aria-disabled", false);
      if (by) box.setAttribute("aria-disabled", "true");
      box.parentElement.querySelector("[data-implied]").textContent = by ? `implied by ${by.dataset.operation}` : "";
    }
  };

  matrix.addEventListener("click", (event) => {
    if (event.target.matches("input") && locked(event.target)) event.preventDefault();
  });
  matrix.addEventListener("change", ({ target }) => {
    if (target.checked) byHand.add(target);
    else byHand.delete(target);
    refresh();
  });
}
