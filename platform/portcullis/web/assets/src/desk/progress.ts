/** How far a consignment is: bytes while it is sent, then what the server does, with the seconds that it takes. */
import { size } from "./kinds";
import type { Telling } from "./send";
import { say } from "./words";

/** The bar beside the button; stages are read out, every step of them is not. */
export class Progress implements Telling {
  private clock = 0;
  private waitsSince = 0;

  constructor(private readonly checks: string) {}

  begin(): void {
    this.show(true);
    this.bar(0);
    this.say(say("sending_said"));
  }

  sent(bytes: number, total: number): void {
    this.bar(total ? bytes / total : 0);
    this.what(say("sending", { sent: size(bytes), total: size(total) }));
  }

  waiting(): void {
    this.bar(null);
    this.say(say("judging_said"));
    this.waitsSince = performance.now();
    clearInterval(this.clock);
    const tell = () => {
      const n = Math.floor((performance.now() - this.waitsSince) / 1000);
      this.what(say("judging", { checks: this.checks, n }));
    };
    tell();
    this.clock = window.setInterval(tell, 1000);
  }

  end(): void {
    clearInterval(this.clock);
    this.show(false);
  }

  /** Have something read out. */
  say(text: string): void {
    const place = document.getElementById("sending-said");
    if (place) place.textContent = text;
  }

  private what(text: string): void {
    const place = document.getElementById("sending-what");
    if (place) place.textContent = text;
  }

  private show(on: boolean): void {
    const place = document.getElementById("sending");
    if (place) place.hidden = !on;
    const button = document.querySelector<HTMLButtonElement>("#assess");
    if (button) button.disabled = on;
  }

  private bar(share: number | null): void {
    const bar = document.querySelector<HTMLProgressElement>("#sent");
    if (!bar) return;
    if (share === null) bar.removeAttribute("value");
    else bar.value = share;
  }
}
