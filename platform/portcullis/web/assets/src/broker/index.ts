/** The broker's pages: suggestions while you type, the table of codes, lists, dossiers. */
import { key } from "../common/keys";
import { live } from "./live";
import { move } from "./move";
import { progress } from "./progress";
import { suggest } from "./suggest";
import { say } from "./words";

const form = document.querySelector<HTMLFormElement>("#goods");
if (form) suggest(form);

const search = document.querySelector<HTMLFormElement>("#search");
if (search) live(search);

if (!form) move();

const list = document.querySelector<HTMLElement>("#list");
if (list) progress();

const print = document.querySelector<HTMLButtonElement>("#print");
if (print) {
  print.addEventListener("click", () => window.print());
  key("p", say("print"), () => window.print());
}
