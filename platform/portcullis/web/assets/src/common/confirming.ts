/** Grave acts are asked about once more, in a dialog; without scripts the form is sent at once. */
import { speaker } from "./words";

const say = speaker({ ko: { cancel: "취소" }, en: { cancel: "Cancel" } });

/** Every form with `data-ask`, which is the question; its button says what is then done. */
export function confirming(): void {
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form instanceof HTMLFormElement) || !form.dataset.ask || form.dataset.sure) return;
    event.preventDefault();
    ask(form.dataset.ask, doing(form, event.submitter), () => {
      form.dataset.sure = "yes";
      form.requestSubmit(event.submitter);
      delete form.dataset.sure;
    });
  });
}

function doing(form: HTMLFormElement, pressed: HTMLElement | null): string {
  return (pressed ?? form.querySelector("button"))?.textContent?.trim() ?? "";
}

/** The question, with the focus on what does nothing. */
function ask(question: string, act: string, then: () => void): void {
  const dialog = document.createElement("dialog");
  dialog.className = "ask";
  const said = document.createElement("p");
  said.id = "ask-question";
  said.textContent = question;
  dialog.setAttribute("aria-labelledby", said.id);
  const cancel = made(say("cancel"), "quiet", () => dialog.close());
  const sure = made(act, "danger", () => {
    dialog.close();
    then();
  });
  const acts = document.createElement("div");
  acts.className = "acts";
  acts.append(cancel, sure);
  dialog.append(said, acts);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  cancel.focus();
}

function made(word: string, kind: string, act: () => void): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.className = kind;
  button.textContent = word;
  button.addEventListener("click", act);
  return button;
}
