// What went wrong gets the focus; without a summary, the first bad field.
document.querySelector("[data-focus], [aria-invalid=true]")?.focus();
