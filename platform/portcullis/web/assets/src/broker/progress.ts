/** A list that is being done: its page is asked for again until it has ended. */
import { notice } from "../common/notice";
import { say } from "./words";

const EVERY = 1000; // ms
const MOVING = ["waiting", "running"];

/** Follow the list of this page. */
export function progress(): void {
  const shown = () => document.querySelector<HTMLElement>("#list");
  const look = async () => {
    const old = shown();
    if (!old || !MOVING.includes(old.dataset.state ?? "")) return;
    try {
      const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector<HTMLElement>("#list");
      if (!fresh) return location.reload(); // the login has ended
      const focused = old.contains(document.activeElement) ? document.activeElement?.textContent : undefined;
      old.replaceWith(fresh);
      const same = [...fresh.querySelectorAll<HTMLElement>("button, a")].find(
        (each) => focused && each.textContent === focused,
      );
      same?.focus();
      if (fresh.dataset.state === "done") notice(say("done"));
    } catch {
      // the server does not answer now: what is shown stays, and is asked for again
    }
    setTimeout(() => void look(), EVERY);
  };
  setTimeout(() => void look(), EVERY);
}
