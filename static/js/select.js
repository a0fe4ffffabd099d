// One tick for all rows of a list that can be ticked.
for (const all of document.querySelectorAll("[data-select-all]")) {
  const boxes = [...document.querySelectorAll(`input[type=checkbox][form=${all.dataset.selectAll}]`)];
  const show = () => {
    const ticked = boxes.filter((box) => box.checked).length;
    all.checked = ticked > 0 && ticked === boxes.length;
    all.indeterminate = ticked > 0 && ticked < boxes.length;
  };
  all.hidden = boxes.length < 2;
  all.addEventListener("change", () => boxes.forEach((box) => { box.checked = all.checked; }));
  boxes.forEach((box) => box.addEventListener("change", show));
  // What the browser remembers of the page is ticked already.
  addEventListener("pageshow", show);
}
