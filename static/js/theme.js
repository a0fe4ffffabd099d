// The chosen theme is worn at once; autosave.js keeps it.
document.querySelector("[data-theme-form]")?.addEventListener("change", ({ target }) => {
  document.documentElement.dataset.theme = target.value;
});
