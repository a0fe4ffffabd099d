// "Keep me signed in" counts for the links to providers, too; without scripts it is the form's alone.
const keep = document.querySelector("[name=keep]");
const links = document.querySelectorAll("[data-provider]");

const carry = () => {
  for (const link of links) {
    const url = new URL(link.href);
    if (keep.checked) url.searchParams.set("keep", "1");
    else url.searchParams.delete("keep");
    link.href = url.pathname + url.search;
  }
};

if (keep && links.length) {
  keep.addEventListener("change", carry);
  // The browser may have ticked it again by itself.
  addEventListener("pageshow", carry);
}
