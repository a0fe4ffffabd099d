// Says in words what the token that is being made will be able to do. The server says it again on the next page.
const join = (words) => (words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} and ${words.at(-1)}`);

for (const form of document.querySelectorAll("[data-summarized]")) {
  const sentence = form.querySelector("[data-sentence]");
  const chosen = (name) => form.querySelector(`[name="${name}"]:checked`);

  const can = () => {
    const place = chosen("organization")?.dataset.place;
    if (chosen("access")?.value === "everything") return `do everything that you may do in ${place ?? "all your organizations"}`;
    const parts = [...form.querySelectorAll("tr[data-things]")].flatMap((row) => {
      const operations = [...row.querySelectorAll("input:checked")].map((box) => box.dataset.operation);
      if (!operations.length) return [];
      const to = /^(publish|subscribe)$/.test(operations.at(-1)) ? " to" : "";
      return `${join(operations)}${to} ${row.dataset.things}`;
    });
    if (!parts.length) return "";
    return parts.join("; ") + (place ? ` of ${place}` : "");
  };

  const until = () => {
    const choice = chosen("expiry");
    if (choice?.value !== "date") return choice?.dataset.until ?? "";
    const day = form.elements.date.valueAsDate;
    return day ? `until ${day.toLocaleDateString("en-GB", { dateStyle: "long", timeZone: "UTC" })}` : "";
  };

  // After the module that fills rights in has had the same event.
  const say = () => queueMicrotask(() => {
    const words = can();
    const text = words ? `The token can ${words}${until() ? `, ${until()}` : ""}.` : "";
    if (sentence.textContent !== text) sentence.textContent = text;
  });
  form.addEventListener("change", say);
  say();
}
