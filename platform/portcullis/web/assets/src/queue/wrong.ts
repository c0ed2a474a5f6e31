/** Says beside each field of a form what the answer says is wrong with it, and takes earlier words away. */
export function markWrong(form: HTMLFormElement, answer: ParentNode): void {
  for (const old of form.querySelectorAll(".field-wrong")) old.remove();
  for (const field of form.querySelectorAll("[aria-invalid]")) {
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-describedby");
  }
  for (const one of answer.querySelectorAll<HTMLElement>("[data-field]")) {
    const name = one.dataset.field ?? "";
    const field = form.elements.namedItem(name);
    if (!(field instanceof HTMLInputElement || field instanceof HTMLSelectElement)) continue;
    const words = document.createElement("small");
    words.className = "wrong field-wrong";
    words.id = `wrong-${name}`;
    words.textContent = one.querySelector(".remedy")?.textContent ?? "";
    field.setAttribute("aria-invalid", "true");
    field.setAttribute("aria-describedby", words.id);
    field.after(words);
  }
}
