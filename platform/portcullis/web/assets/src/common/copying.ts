/** Buttons with `data-copy`, the id of what they copy; hidden where there are no scripts. */
import { notice } from "./notice";
import { speaker } from "./words";

const say = speaker({
  ko: {
    copied: "복사하였습니다.",
    select: "자동으로 복사할 수 없어 선택해 두었습니다. Ctrl+C로 복사하십시오.",
  },
  en: { copied: "Copied.", select: "It cannot be copied from here; it is selected: press Ctrl+C." },
});

/** Let them copy. */
export function copying(): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>("button[data-copy]")) {
    const from = document.getElementById(button.dataset.copy ?? "");
    if (!from) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      const text = from.textContent?.trim() ?? "";
      try {
        await navigator.clipboard.writeText(text); // only over https and on this machine
        notice(say("copied"));
      } catch {
        getSelection()?.selectAllChildren(from);
        notice(say("select"), "trouble");
      }
    });
  }
}
