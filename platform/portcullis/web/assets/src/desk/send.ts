/** Sending a consignment: XMLHttpRequest, because only it tells how much has been sent. */
import { type Problem, Refusal } from "../common/fetch";

export interface Telling {
  /** Bytes on their way. */
  sent: (bytes: number, total: number) => void;
  /** All is sent, the answer is awaited. */
  waiting: () => void;
}

/** Who sends gave up. */
export class Cancelled extends Error {}

/** No answer came: whether it was stored is not known. */
export class Unreachable extends Error {}

export interface Sending {
  answer: Promise<{ id: string }>;
  cancel: () => void;
}

/** Hand a consignment in; the same key with the same contents is stored once. */
export function send(form: FormData, key: string, telling: Telling): Sending {
  const request = new XMLHttpRequest();
  const answer = new Promise<{ id: string }>((done, failed) => {
    request.upload.addEventListener("progress", (event) => telling.sent(event.loaded, event.total));
    request.upload.addEventListener("load", () => telling.waiting());
    request.addEventListener("abort", () => failed(new Cancelled()));
    request.addEventListener("error", () => failed(new Unreachable()));
    request.addEventListener("load", () => {
      const said = readAnswer(request.responseText);
      if (request.status === 201 && typeof said.id === "string") done({ id: said.id });
      else failed(refusalOf(request.status, said, request.getResponseHeader("Retry-After")));
    });
  });
  request.open("POST", "/v1/assessments");
  request.setRequestHeader("Accept", "application/json");
  request.setRequestHeader("Idempotency-Key", key);
  request.send(form);
  return { answer, cancel: () => request.abort() };
}

interface Answer {
  id?: unknown;
  detail?: unknown;
  problems?: Problem[];
}

/** A refusal with the seconds after which to try again, if the server names them. */
export class Refused extends Refusal {
  constructor(
    status: number,
    detail: string,
    problems: readonly Problem[],
    readonly seconds: number | null,
  ) {
    super(status, detail, problems);
  }
}

function refusalOf(status: number, said: Answer, retry: string | null): Refused {
  const seconds = retry === null ? null : Number(retry);
  return new Refused(status, String(said.detail ?? ""), said.problems ?? [], seconds);
}

function readAnswer(text: string): Answer {
  try {
    return JSON.parse(text) as Answer;
  } catch {
    return {};
  }
}
