/** Suggestions for what is typed, dropped, pasted or answered; and the keys that go through them. */
import { key, typing } from "../common/keys";
import { notice } from "../common/notice";
import { say as common } from "../common/words";
import { Facts } from "./facts";
import { Newest } from "./newest";
import { Picture } from "./picture";
import { say } from "./words";

/** Set up the page with the form of the goods. */
export function suggest(form: HTMLFormElement): void {
  const text = form.querySelector<HTMLTextAreaElement>("#text");
  const room = form.querySelector<HTMLElement>("#found");
  const waiting = form.querySelector<HTMLElement>("#waiting");
  if (!text || !room || !waiting) return;
  let again: ReturnType<typeof setTimeout> | undefined;

  const newest = new Newest<string>(
    async (signal) => {
      clearTimeout(again);
      room.classList.add("stale");
      waiting.style.visibility = "visible";
      const answer = await fetch("/codes/suggestions", { method: "POST", body: data(), signal });
      const away = answer.headers.get("HX-Redirect");
      if (away) location.assign(away);
      if (answer.redirected) location.reload(); // the login has ended
      if (!answer.ok) throw new Error(String(answer.status));
      return answer.text();
    },
    (html) => {
      rested();
      put(html);
    },
    () => {
      rested();
      notice(common("unreachable"), "trouble");
    },
  );
  const facts = new Facts(form, () => void newest.now());
  const picture = new Picture(form, () => void newest.now());

  /** The form without what is typed into questions and not yet added. */
  function data(): FormData {
    const all = new FormData(form);
    all.delete("asked");
    all.delete("reply");
    if (!(all.get("photo") as File | null)?.size) all.delete("photo");
    return all;
  }

  function rested(): void {
    room?.classList.remove("stale");
    if (waiting) waiting.style.visibility = "";
  }

  function put(html: string): void {
    if (!room) return;
    const inside = room.contains(document.activeElement);
    room.innerHTML = html; // our own template, where all text is escaped
    remember();
    tell();
    if (inside) (items()[0] ?? room.querySelector<HTMLElement>("[name=reply]") ?? text)?.focus();
    const seconds = room.querySelector<HTMLElement>("[data-again]")?.dataset.again;
    if (seconds) again = setTimeout(() => void newest.now(), Number(seconds) * 1000);
  }

  /** The facts in the address, so that the page can be sent to somebody, and comes back as it was. */
  function remember(): void {
    const all = new URLSearchParams();
    for (const [name, value] of data()) {
      if (typeof value === "string" && value && ["text", "question", "answer"].includes(name))
        all.append(name, value);
      else if (name === "question") all.append(name, "");
    }
    const query = all.toString();
    if (query.length < 2000) history.replaceState(null, "", query ? `/codes?${query}` : "/codes");
  }

  function tell(): void {
    const said = document.querySelector("#said");
    const first = room?.querySelector<HTMLElement>("[data-first]");
    if (!said) return;
    if (first)
      said.textContent = say("suggested", { n: first.dataset.count ?? "", first: first.dataset.first ?? "" });
    else said.textContent = room?.querySelector("[data-refused]") ? say("refused") : "";
  }

  function items(): HTMLElement[] {
    return [...(room?.querySelectorAll<HTMLElement>(".likely > li") ?? [])];
  }

  function current(): HTMLElement | undefined {
    return document.activeElement?.closest<HTMLElement>(".likely > li") ?? undefined;
  }

  function go(step: number): void {
    const all = items();
    const at = current();
    const next = all[at ? all.indexOf(at) + step : step > 0 ? 0 : all.length - 1];
    if (!next) {
      if (step < 0) text?.focus();
      return;
    }
    for (const each of all) each.tabIndex = each === next ? 0 : -1;
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  }

  function judge(name: "chosen" | "rejected"): void {
    const item = current() ?? items()[0];
    const box = item?.querySelector<HTMLInputElement>(`[name=${name}]`);
    if (!item || !box) return;
    box.checked = name === "chosen" ? true : !box.checked;
    settle(box);
    if (box.checked) item.querySelector<HTMLInputElement>(".reason input")?.focus();
  }

  /** A code is chosen or rejected, never both. */
  function settle(box: HTMLInputElement): void {
    if (!box.checked) return;
    const other = box.name === "chosen" ? "rejected" : "chosen";
    const twin = room?.querySelector<HTMLInputElement>(`[name=${other}][value="${CSS.escape(box.value)}"]`);
    if (twin) twin.checked = false;
  }

  text.addEventListener("input", () => newest.changed());
  text.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const leaves =
      event.key === "Escape" || (event.key === "ArrowDown" && text.selectionEnd === text.value.length);
    if ((event.key === "Enter" && (event.ctrlKey || event.metaKey)) || leaves) {
      event.preventDefault();
      if (event.key === "Enter") void newest.now();
      else {
        if (event.key === "Escape") text.blur(); // also where there is no suggestion to go to
        go(1);
      }
    }
  });
  room.addEventListener("change", (event) => {
    if (event.target instanceof HTMLInputElement && ["chosen", "rejected"].includes(event.target.name))
      settle(event.target);
  });
  room.addEventListener("click", (event) => {
    const pressed = (event.target as HTMLElement).closest<HTMLButtonElement>("button");
    if (pressed?.dataset.fact) facts.add("", pressed.dataset.fact);
    else if (pressed?.dataset.example) {
      text.value = pressed.dataset.example;
      void newest.now();
      text.focus();
    } else if (pressed?.id === "reply") facts.addReplies(room);
  });
  form.addEventListener("keydown", (event) => {
    const at = event.target;
    if (!(at instanceof HTMLInputElement) || event.isComposing) return;
    if (event.key === "Enter" && at.type !== "file") {
      event.preventDefault(); // the first button of a form is not what a reason is for
      if (at.name === "reply") facts.addReplies(room);
      else at.closest<HTMLElement>(".likely > li")?.focus();
    } else if (event.key === "Escape") at.closest<HTMLElement>(".likely > li")?.focus();
  });
  form.querySelector("#ask")?.addEventListener("click", (event) => {
    event.preventDefault();
    void newest.now();
  });
  const clear = () => {
    picture.clear();
    facts.clear();
    text.value = "";
    text.focus();
    for (const box of room.querySelectorAll<HTMLInputElement>(":checked")) box.checked = false;
    void newest.now();
  };
  form.querySelector("#next-goods")?.addEventListener("click", clear);

  key("/", say("focus"), () => text.focus());
  key("ArrowDown", say("down"), () => go(1));
  key("ArrowUp", say("up"), () => go(-1));
  const onItem = () => current() !== undefined && !typing(document.activeElement);
  key(
    "Enter",
    say("open"),
    () => current()?.querySelector<HTMLAnchorElement>("a.big")?.click(),
    () => document.activeElement === current(),
  );
  key(
    "c",
    say("choose"),
    () => judge("chosen"),
    () => onItem() || items().length > 0,
  );
  key(
    "r",
    say("reject"),
    () => judge("rejected"),
    () => onItem() || items().length > 0,
  );
  key("n", say("next"), clear);
  key(
    "w",
    say("writing"),
    () => form.querySelector<HTMLButtonElement>("#write")?.click(),
    () => form.querySelector("#write") !== null,
  );
}
