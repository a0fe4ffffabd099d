import { announce } from "./announce.js";
import { fetchBlocklist, isCommon } from "./password-blocklist.js";
import { problems, states } from "./password-rule.js";
import { ownWords } from "./password-words.js";

// The checklist beside a new password, alive while one types. The password itself never leaves the form.
const WORDS = { met: "done", unmet: "not yet", optional: "not needed", unknown: "checked when you save" };
const REFUSALS = { excess: "too long", refused: "choose another" };

for (const list of document.querySelectorAll("[data-password-rules]")) watch(list, JSON.parse(list.dataset.passwordRules));

function watch(list, sheet) {
  const form = list.closest("form");
  const { password, confirm } = form.elements;
  const rows = [...list.querySelectorAll("[data-rule]")].map((row) => ({ row, label: row.textContent.trim() }));
  let prefixes, pause;
  async function prepare() {
    prefixes ??= await fetchBlocklist();
    update();
  }
  async function update() {
    const typed = password.value;
    list.toggleAttribute("data-blank", !typed);
    // The page of the first administrator asks for names that the server does not know yet.
    const names = ["email", "first_name", "last_name"].map((name) => [name, form.elements[name]?.value]);
    const own = [...sheet.own, ...ownWords(Object.fromEntries(names), sheet)];
    const found = problems(typed, sheet, { own });
    const state = states(typed, confirm.value, sheet, found);
    const pending = state.common === "unknown" && prefixes && !found.includes("too_long");
    show(pending ? { ...state, common: undefined } : state);
    if (!pending) return;
    const common = (await isCommon(typed, sheet, prefixes)) ? "refused" : "met";
    // Meanwhile more may have been typed, and then a later update has the word.
    if (typed === password.value) show({ common });
  }

  function show(state) {
    for (const { row } of rows) {
      const now = state[row.dataset.rule];
      if (!now) continue;
      row.dataset.state = REFUSALS[now] ? "unmet" : now;
      row.querySelector("[data-rule-state]").textContent = REFUSALS[now] ?? WORDS[now];
    }
  }

  function summarize() {
    const open = rows.filter(({ row }) => row.dataset.state === "unmet" && row.dataset.rule !== "long");
    const text = ({ row, label }) => `${label} (${row.querySelector("[data-rule-state]").textContent})`;
    announce(open.length ? `New password: ${open.map(text).join(", ")}.` : "New password: all done.");
  }

  for (const event of ["focusin", "input"]) form.addEventListener(event, prepare, { once: true });
  form.addEventListener("input", update);
  for (const field of [password, confirm]) field.addEventListener("input", () => {
    // Once it is quiet, for those who listen to the page while they type.
    clearTimeout(pause);
    pause = setTimeout(summarize, 1200);
  });
  update();
}
