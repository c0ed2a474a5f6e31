/** Facts that were added to the text: answers to questions, and what was tried to see the code change. */
export class Facts {
  private readonly room: HTMLElement | null;
  private readonly mould: HTMLTemplateElement | null;

  constructor(
    form: HTMLFormElement,
    private readonly changed: () => void,
  ) {
    this.room = form.querySelector("#facts");
    this.mould = form.querySelector("#fact");
    this.room?.addEventListener("click", (event) => {
      const pressed = (event.target as HTMLElement).closest("[data-remove]");
      if (!pressed) return;
      pressed.closest(".fact")?.remove();
      form.querySelector<HTMLElement>("#text")?.focus();
      this.changed();
    });
  }

  /** Add one and ask again; question: empty if nothing asked for it. */
  add(question: string, answer: string): void {
    this.put(question, answer);
    this.changed();
  }

  /** Add all answers that were typed below the questions. */
  addReplies(room: HTMLElement): void {
    let some = false;
    for (const field of room.querySelectorAll<HTMLInputElement>("[name=reply]")) {
      if (!field.value.trim()) continue;
      this.put(field.dataset.question ?? "", field.value.trim());
      some = true;
    }
    if (some) this.changed();
    else room.querySelector<HTMLInputElement>("[name=reply]")?.focus();
  }

  /** Take all out. */
  clear(): void {
    this.room?.replaceChildren();
  }

  private put(question: string, answer: string): void {
    const made = this.mould?.content.firstElementChild?.cloneNode(true) as HTMLElement | undefined;
    if (!made || !this.room) return;
    const label = made.querySelector("button");
    label?.setAttribute("aria-label", (label.dataset.label ?? "").replace("{fact}", answer));
    const [asked, said] = made.querySelectorAll("input");
    if (asked) asked.value = question;
    if (said) said.value = answer;
    const shown = made.querySelector(".hint");
    if (shown) shown.textContent = question;
    const strong = made.querySelector("strong");
    if (strong) strong.textContent = answer;
    this.room.append(made);
  }
}
