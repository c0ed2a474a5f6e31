/** What every page has: htmx, keys, notices, and the theme. */
import htmx from "htmx.org";
import { key, keys } from "../common/keys";
import { notice } from "../common/notice";
import { language, say } from "../common/words";

document.documentElement.classList.add("scripted");
listenForTrouble();
goTo();
help();
theme();

/** A request that failed is told to whoever waits for it. */
function listenForTrouble(): void {
  document.body.addEventListener("htmx:error", () => notice(say("unreachable"), "trouble"));
  document.body.addEventListener("htmx:response:error", (event) => {
    const status = (event as CustomEvent).detail?.ctx?.response?.status;
    notice(`${say("failed")} (${status ?? "?"})`, "trouble");
  });
}

/** `g` and a letter goes to a place of the menu, which names the letter. */
function goTo(): void {
  for (const link of document.querySelectorAll<HTMLAnchorElement>("a[data-key]")) {
    key(`g ${link.dataset.key}`, link.textContent?.trim() ?? "", () => link.click());
  }
}

/** `?` lists the keys of this page. */
function help(): void {
  const dialog = document.querySelector<HTMLDialogElement>("#keys");
  if (!dialog) return;
  const list = dialog.querySelector("dl");
  const show = () => {
    list?.replaceChildren(
      ...keys().flatMap(({ sequence, label }) => {
        const term = document.createElement("dt");
        for (const part of sequence.split(" ")) {
          const cap = document.createElement("kbd");
          cap.textContent = part;
          term.append(cap, " ");
        }
        const said = document.createElement("dd");
        said.textContent = label;
        return [term, said];
      }),
    );
    dialog.showModal();
  };
  key("?", say("keys"), show);
  document.querySelector("#show-keys")?.addEventListener("click", show);
  dialog.querySelector("button")?.addEventListener("click", () => dialog.close());
}

/** Light, dark, or as the system says; kept in a cookie, so that the server's pages come in it. */
function theme(): void {
  const choice = document.querySelector<HTMLSelectElement>("#theme");
  choice?.addEventListener("change", () => {
    const chosen = choice.value;
    const age = chosen === "system" ? 0 : 365 * 24 * 3600;
    const secure = location.protocol === "https:" ? "; Secure" : "";
    // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is not in every browser
    document.cookie = `portcullis_theme=${chosen}; Path=/; Max-Age=${age}; SameSite=Lax${secure}`;
    if (chosen === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = chosen;
    document.dispatchEvent(new CustomEvent("portcullis:theme"));
  });
}

declare global {
  interface Window {
    htmx: typeof htmx;
  }
}
window.htmx = htmx;
document.documentElement.dataset.ready = language();
