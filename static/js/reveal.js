// A password can be looked at; it is hidden again before it is sent.
for (const box of document.querySelectorAll("[data-reveal]")) {
  const input = box.querySelector("input");
  const label = document.querySelector(`label[for="${input.id}"]`).textContent.trim().toLowerCase();
  const button = document.createElement("button");
  button.type = "button";
  button.className = "reveal";

  const show = (visible) => {
    input.type = visible ? "text" : "password";
    button.textContent = visible ? "Hide" : "Show";
    button.setAttribute("aria-label", `${button.textContent} ${label}`);
  };
  button.addEventListener("click", () => {
    show(input.type === "password");
    input.focus();
  });
  input.form.addEventListener("submit", () => show(false));
  show(false);
  box.append(button);
}
