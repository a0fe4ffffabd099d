import { announce } from "./announce.js";

// Saves each field on its own when it changes, one after the other, through the form's own address.
for (const form of document.querySelectorAll("form[data-autosave]")) {
  let queue = Promise.resolve();
  const enqueue = (input) => { queue = queue.then(() => save(input, () => enqueue(input))); };
  form.addEventListener("change", ({ target }) => target.name && enqueue(target));
}

async function save(input, again) {
  report(input, "saving", "Saving…");
  const { csrf } = input.form.elements;
  const body = new URLSearchParams({ csrf: csrf.value, [input.name]: input.value });
  try {
    // Kept alive, so that leaving the page right after typing loses nothing.
    const answer = await fetch(input.form.action, { method: "POST", body, headers: { Accept: "application/json" }, keepalive: true });
    if (answer.status === 401) return report(input, "failed", "Not saved: you are signed out. ", signIn());
    const { errors } = await answer.json();
    if (!answer.ok && !errors) throw new Error("refused without a reason");
    explain(input, errors?.[0].message);
    if (errors) report(input, "failed", "Not saved.", errors[0].message);
    else report(input, "saved", "Saved");
  } catch {
    const retry = document.createElement("button");
    Object.assign(retry, { type: "button", className: "link", textContent: "Try again." });
    retry.addEventListener("click", () => {
      input.focus();
      again();
    });
    report(input, "failed", "Not saved. ", retry);
  }
}

// Whoever signed out elsewhere gets the way back in, to this page.
function signIn() {
  const link = document.createElement("a");
  return Object.assign(link, { href: `/login?${new URLSearchParams({ next: location.pathname })}`, textContent: "Sign in." });
}

// Beside the field for the eye, in the live region for the ear.
function report(input, state, text, more = "") {
  const field = input.closest(".field");
  const place = field.querySelector(".save-state") ?? document.createElement("span");
  place.className = "save-state";
  place.dataset.state = state;
  place.replaceChildren(text, more instanceof Node ? more : "");
  field.querySelector("label, legend").after(place);
  if (state !== "saving") announce(`${text} ${more.textContent ?? more}`.trim());
}

function explain(input, message) {
  const line = document.createElement("p");
  Object.assign(line, { id: `${input.name}-error`, className: "field-error", textContent: message });
  document.getElementById(line.id)?.remove();
  document.querySelector(".summary")?.remove();
  if (message) input.before(line);
  const described = [`${input.name}-hint`, line.id].filter((id) => document.getElementById(id));
  input.setAttribute("aria-describedby", described.join(" "));
  input.setAttribute("aria-invalid", String(Boolean(message)));
}
