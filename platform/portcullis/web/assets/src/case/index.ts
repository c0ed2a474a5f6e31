/** The page of a case: walking through its findings, recording what was found, going on to the next. */
import { key } from "../common/keys";
import { walkFindings } from "./findings";
import { say } from "./words";
import { work } from "./work";

walkFindings();
work();
for (const [id, sequence, label] of [
  ["to-queue", "u", say("queue")],
  ["case-before", "[", say("before")],
  ["case-after", "]", say("after")],
] as const) {
  const link = document.getElementById(id);
  if (link) key(sequence, label, () => link.click());
}
for (const [id, sequence, label] of [
  ["see", "s", say("see")],
  ["measured", "m", say("measured")],
  ["evidence", "e", say("evidence")],
] as const) {
  const heading = document.getElementById(id);
  if (heading)
    key(sequence, label, () => {
      heading.tabIndex = -1;
      heading.focus();
      heading.scrollIntoView({ block: "start" });
    });
}
