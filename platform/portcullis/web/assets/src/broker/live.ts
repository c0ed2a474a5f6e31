/** The search of the table as somebody types: the page is asked for anew, and its middle put in place. */
import { key } from "../common/keys";
import { notice } from "../common/notice";
import { say as common } from "../common/words";
import { Newest } from "./newest";
import { say } from "./words";

/** Set up the form of the search. */
export function live(form: HTMLFormElement): void {
  const field = form.querySelector<HTMLInputElement>("#query");
  if (!field) return;
  const newest = new Newest<Document>(
    async (signal) => {
      const query = field.value.trim();
      const href = query ? `/codes/browse?query=${encodeURIComponent(query)}` : "/codes/browse";
      const answer = await fetch(href, { signal, headers: { Accept: "text/html" } });
      if (!answer.ok) throw new Error(String(answer.status));
      history.replaceState(null, "", href);
      return new DOMParser().parseFromString(await answer.text(), "text/html");
    },
    (page) => {
      const fresh = page.querySelector("#table");
      if (!fresh) return location.reload(); // the login has ended
      document.querySelector("#table")?.replaceWith(fresh);
      const said = document.querySelector("#said");
      const count = fresh.querySelector<HTMLElement>("[data-total]")?.dataset.total;
      if (said) said.textContent = count ? say("found", { n: count }) : "";
    },
    () => notice(common("unreachable"), "trouble"),
  );
  field.addEventListener("input", () => newest.changed());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void newest.now();
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowDown") return;
    event.preventDefault();
    document.querySelector<HTMLElement>("#table [data-move]")?.focus();
  });
  key("/", say("focus"), () => field.focus());
}
