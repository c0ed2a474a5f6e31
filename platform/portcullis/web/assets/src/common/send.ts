/** Forms that answer as soon as something is chosen; without scripts their button does it. */
export function sendOnChange(): void {
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-auto]")) {
    form.addEventListener("change", () => form.requestSubmit());
  }
}
