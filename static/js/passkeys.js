import { announce } from "./announce.js";

// A button with data-passkey asks an authenticator first, and then sends its form with what that answered. Where the
// server gives no options, the form goes without: the page that comes back says why.
const able = Boolean(globalThis.PublicKeyCredential?.parseCreationOptionsFromJSON);
const CANNOT = "This browser cannot use passkeys. A newer one can; your other ways to sign in go on working.";
const WORDS = {
  NotAllowedError: "That was cancelled, or took too long. Nothing has changed; you can try again.",
  InvalidStateError: "There is a passkey for your account on that device already.",
  SecurityError: "Passkeys cannot be used at this address.",
};
let offering = new AbortController();

for (const button of document.querySelectorAll("[data-passkey]")) {
  if (able) button.addEventListener("click", (event) => act(event, button));
  else refuse(button);
  if (able) offer(button);
}

async function act(event, button) {
  event.preventDefault();
  if (button.ariaBusy) return;
  offering.abort();
  button.ariaBusy = "true";
  try {
    send(button, await ask(button));
  } catch (error) {
    button.ariaBusy = null;
    say(button, WORDS[error.name] ?? "That did not work. You can try again.");
    offer(button);
  }
}

async function ask(button, more) {
  const body = new URLSearchParams({ csrf: button.form.elements.csrf.value });
  const answer = await fetch(button.dataset.options, { method: "POST", body, headers: { Accept: "application/json" } });
  if (!answer.ok) return "";
  const [act, read] = button.dataset.passkey === "create" ? ["create", "parseCreationOptionsFromJSON"] : ["get", "parseRequestOptionsFromJSON"];
  return navigator.credentials[act]({ publicKey: PublicKeyCredential[read](await answer.json()), ...more });
}

function send(button, credential) {
  button.form.elements.credential.value = credential && JSON.stringify(credential);
  button.form.requestSubmit(button);
}

// In the list that a browser shows at the e-mail field; asked for anew before the server forgets what it offered.
async function offer(button) {
  if (!("autofill" in button.dataset) || !(await PublicKeyCredential.isConditionalMediationAvailable?.())) return;
  const { signal } = (offering = new AbortController());
  const again = setTimeout(() => { offering.abort(); offer(button); }, 270_000);
  const credential = await ask(button, { mediation: "conditional", signal }).catch(() => "");
  if (credential) send(button, credential);
  else if (signal.aborted) clearTimeout(again);
}

function refuse(button) {
  const way = button.closest("[data-passkey-way]");
  if (way) way.hidden = true;
  else say(button, CANNOT);
  button.disabled = true;
}

function say(button, words) {
  const line = button.form.querySelector("[data-passkey-problem]") ?? document.createElement("p");
  Object.assign(line, { className: "field-error", textContent: words });
  line.dataset.passkeyProblem = "";
  (button.closest(".actions") ?? button).after(line);
  announce(words);
}
