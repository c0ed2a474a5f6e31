/** Policy: what a threshold means while it is typed, and what it would change a moment later. */
import { speaker } from "../common/words";
import { oneIn } from "./one_in";

const say = speaker({
  ko: { typed: "입력값: 정상 화물 {n}건 중 1건" },
  en: { typed: "Typed: 1 clean consignment in {n}" },
});
const PATIENCE = 500; // ms after the last key
const form = document.querySelector<HTMLFormElement>("#policy");
if (form) watch(form);

function watch(form: HTMLFormElement): void {
  const said = new Map<HTMLElement, string>();
  let waiting = 0;
  form.addEventListener("input", ({ target }) => {
    if (!(target instanceof HTMLInputElement) || !target.dataset.oneIn) return;
    const place = document.getElementById(target.dataset.oneIn);
    if (!place) return;
    if (!said.has(place)) said.set(place, place.textContent);
    const before = said.get(place) ?? "";
    const n = oneIn(target.value);
    place.textContent =
      n && target.value !== target.defaultValue ? `${say("typed", { n })} · ${before}` : before;
    clearTimeout(waiting);
    waiting = window.setTimeout(() => {
      const fields = [...form.querySelectorAll<HTMLInputElement>("[data-one-in]")];
      if (fields.every((field) => field.validity.valid))
        form.querySelector("#compare")?.dispatchEvent(new Event("preview"));
    }, PATIENCE);
  });
}
