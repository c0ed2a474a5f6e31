/** The page of alerts: new ones come to the top by themselves, a few at a time, and may be made to wait. */
import { key } from "../common/keys";
import { listen, type State } from "./stream";
import { say } from "./words";

const GATHER = 400; // ms: what comes together is shown together
const QUIET = 5000; // ms between two things said to a screen reader
const MOST_ROWS = 500;

const live = need("#live");
const state = need("#state");
const pause = need<HTMLButtonElement>("#pause");
const waiting = need<HTMLButtonElement>("#waiting");
const rows = need("#rows");
const said = need("#said");
const title = document.title;
const query = live.dataset.query ?? "";
const bands = new URLSearchParams(query).getAll("band");

let shown = Number(live.dataset.after); // number of the newest alert that the list knows of
let line: State = "lost";
let paused = false;
let pending = 0; // came while paused
let unread = 0; // came while nobody looked
let unsaid = 0; // not yet said to a screen reader
let gathering = false;
let saying = false;

pause.hidden = false;
pause.addEventListener("click", toggle);
waiting.addEventListener("click", toggle);
document.addEventListener("visibilitychange", seen);
key("p", say("pauseKey"), toggle);
key("j", say("next"), () => step(1));
key("k", say("previous"), () => step(-1));
listen(
  shown,
  (live.dataset.kinds ?? "").split(" ").filter(Boolean),
  ({ band }) => {
    if (bands.length && !bands.includes(band ?? "")) return;
    pending += 1;
    if (paused) tell();
    else gather();
  },
  (now) => {
    line = now;
    tell();
  },
);

function need<T extends HTMLElement = HTMLElement>(selector: string): T {
  const found = document.querySelector<T>(selector);
  if (!found) throw new Error(`${selector} is not on this page`);
  return found;
}

function gather(): void {
  if (gathering) return;
  gathering = true;
  setTimeout(take, GATHER);
}

/** Fetch what came, in the words of the server, and put it on top. */
async function take(): Promise<void> {
  pending = 0;
  try {
    const answer = await fetch(`/alerts/new?after=${shown}&${query}`, { headers: { "HX-Request": "true" } });
    if (answer.status === 204 || answer.status === 401 || answer.status === 403) {
      state.textContent = say("ended");
      return;
    }
    if (answer.ok) put(await answer.text());
  } catch {
    line = "lost"; // the stream comes back, and with it another attempt
  } finally {
    gathering = false;
    tell();
    if (pending && !paused) gather();
  }
}

function put(html: string): void {
  const template = document.createElement("template");
  template.innerHTML = `<table><tbody>${html}</tbody></table>`;
  const fresh = [...template.content.querySelectorAll<HTMLTableRowElement>("tr")];
  if (!fresh.length) return;
  for (const old of rows.querySelectorAll(".new")) old.classList.remove("new");
  for (const row of fresh) row.classList.add("new");
  shown = Math.max(shown, ...fresh.map((row) => Number(row.dataset.number)));
  rows.prepend(...fresh);
  while (rows.children.length > MOST_ROWS) rows.lastElementChild?.remove();
  need("#none").hidden = true;
  if (document.hidden) unread += fresh.length;
  announce(fresh.length);
}

/** Said politely and not at every single one. */
function announce(count: number): void {
  unsaid += count;
  if (saying) return;
  saying = true;
  said.textContent = say("said", { n: unsaid });
  unsaid = 0;
  setTimeout(() => {
    saying = false;
    if (unsaid) announce(0);
  }, QUIET);
}

function toggle(): void {
  paused = !paused;
  if (!paused && pending) gather();
  tell();
}

function seen(): void {
  if (document.hidden) return;
  unread = 0;
  tell();
}

/** The state in words, the button, what waits, and the title. */
function tell(): void {
  state.dataset.state = paused ? "paused" : line;
  const words = paused ? say("paused") : say(line);
  if (state.textContent !== words) state.textContent = words;
  pause.setAttribute("aria-pressed", String(paused));
  (pause.firstChild as Text).data = `${say(paused ? "resume" : "pause")} `;
  waiting.hidden = !(paused && pending);
  waiting.textContent = say("waiting", { n: pending });
  const count = paused ? unread + pending : unread;
  document.title = count ? `(${count}) ${title}` : title;
}

/** To the link of the next or previous alert that has a case. */
function step(by: number): void {
  const links = [...rows.querySelectorAll<HTMLAnchorElement>("a")];
  const at = links.indexOf(document.activeElement as HTMLAnchorElement);
  links[Math.min(Math.max(at + by, 0), links.length - 1)]?.focus();
}
