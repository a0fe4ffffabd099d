// A secret stands in the answer to a form. From here on the address is that of the page without it, so a reload sends nothing.
const shown = document.querySelector("[data-address]");
if (shown) history.replaceState(null, "", shown.dataset.address);
