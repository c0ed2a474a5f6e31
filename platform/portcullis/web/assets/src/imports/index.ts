/** Imports: a file that is too large is told before it is sent, and that a file is being read is seen. */
import { speaker } from "../common/words";

const say = speaker({
  ko: { large: "파일이 {mb} MB를 넘습니다. 파일을 나누거나 명령줄(portcullis import)로 가져오십시오." },
  en: {
    large: "The file is larger than {mb} MB. Split it, or import it by the command line (portcullis import).",
  },
});
const form = document.querySelector<HTMLFormElement>("#import");
const file = form?.querySelector<HTMLInputElement>("input[type=file]");
file?.addEventListener("change", () => {
  const most = Number(file.dataset.mostMb);
  const large = (file.files?.[0]?.size ?? 0) > most * 1024 * 1024;
  file.setCustomValidity(large ? say("large", { mb: most }) : "");
  if (large) file.reportValidity();
});
form?.addEventListener("submit", () => form.classList.add("htmx-request"));
window.addEventListener("pageshow", () => form?.classList.remove("htmx-request"));
