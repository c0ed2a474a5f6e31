/** The files of a consignment: dropped, pasted or chosen; shown with name, size and a look at them. */
import { MOST_SCAN_FILES, type Slot, size, slotOf } from "./kinds";
import { say } from "./words";

export interface Chosen {
  scan: File[];
  photo: File | null;
}

export interface Listening {
  /** A declaration came as a file. */
  declaration: (file: File) => Promise<void>;
  /** The files are others now. */
  changed: () => void;
  /** Something to tell: read out, not in the way. */
  tell: (text: string) => void;
  /** What is wrong with the files of a slot; "" for nothing. */
  wrong: (slot: Slot, text: string) => void;
}

const addresses = new Map<File, string>();

/** Holds the chosen files and keeps the page's inputs, lists and previews with them. */
export class Files {
  readonly chosen: Chosen = { scan: [], photo: null };
  /** What is still being read; whoever sends waits for it. */
  reading: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly room: HTMLElement,
    private readonly most: number,
    private readonly listening: Listening,
  ) {
    for (const slot of ["declaration", "scan", "photo"] as const) {
      const input = this.input(slot);
      input.addEventListener("change", () => {
        const files = [...(input.files ?? [])];
        if (slot === "declaration" || files.length) this.take(files, slot, true);
      });
    }
    this.listenForDrops();
  }

  /** Take files in; without a slot they are told apart. fresh: they replace those of the slot. */
  take(files: readonly File[], slot?: Slot, fresh = false): void {
    const taking = async () => {
      const before = { scan: this.chosen.scan.length, dropped: 0 };
      for (const file of files) {
        const to = slot ?? (await slotOf(file));
        if (to === "none") {
          this.listening.tell(say("unknown_file", { name: file.name }));
          this.listening.wrong("declaration", say("unknown_file", { name: file.name }));
          continue;
        }
        if (to === "declaration") await this.listening.declaration(file);
        else if (to === "photo") this.chosen.photo = file;
        else {
          // one drop brings one scan: its energies belong together, an earlier scan does not
          if (before.dropped === 0 && (fresh || before.scan)) this.chosen.scan.length = 0;
          before.dropped++;
          this.chosen.scan.push(file);
        }
        if (!slot) this.listening.tell(say("took", { name: file.name, as: say(`as_${to}_word`) }));
      }
      this.show();
    };
    this.reading = this.reading.then(taking, taking);
  }

  private input(slot: Slot): HTMLInputElement {
    const found = this.room.querySelector<HTMLInputElement>(`input[type=file][name=${slot}]`);
    if (!found) throw new Error(slot);
    return found;
  }

  private listenForDrops(): void {
    const over = (on: boolean) => this.room.classList.toggle("over", on);
    document.addEventListener("dragover", (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      over(true);
    });
    document.addEventListener("dragleave", (event) => {
      if (!event.relatedTarget) over(false);
    });
    document.addEventListener("drop", (event) => {
      const files = [...(event.dataTransfer?.files ?? [])];
      if (!files.length) return;
      event.preventDefault();
      over(false);
      const slot = (event.target as Element).closest<HTMLElement>("[data-slot]")?.dataset.slot;
      const named = files.every((file) => /\.json$/i.test(file.name))
        ? undefined
        : (slot as Slot | undefined);
      this.take(files, files.length > 1 && named === "declaration" ? undefined : named);
    });
    document.addEventListener("paste", (event) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (!files.length) return;
      event.preventDefault();
      this.take(files);
    });
  }

  /** Bring lists, inputs and complaints up to what is chosen. */
  private show(): void {
    const { scan, photo } = this.chosen;
    this.hold("scan", scan);
    this.hold("photo", photo ? [photo] : []);
    for (const [file, address] of addresses)
      if (!scan.includes(file) && file !== photo) {
        URL.revokeObjectURL(address);
        addresses.delete(file);
      }
    this.list("scan", scan);
    this.list("photo", photo ? [photo] : []);
    const total = scan.reduce((sum, file) => sum + file.size, 0);
    const wrong =
      scan.length > MOST_SCAN_FILES
        ? say("most_files")
        : total > this.most
          ? say("too_large", { got: size(total), most: size(this.most) })
          : "";
    this.listening.wrong("scan", wrong);
    this.listening.changed();
  }

  /** The input holds the same files, so that the plain form would send them too. */
  private hold(slot: Slot, files: readonly File[]): void {
    const carrier = new DataTransfer();
    for (const file of files) carrier.items.add(file);
    this.input(slot).files = carrier.files;
  }

  private list(slot: "scan" | "photo", files: readonly File[]): void {
    const list = this.room.querySelector(`[data-files=${slot}]`);
    const items: HTMLElement[] = files.map((file) => this.item(file, slot));
    if (slot === "scan" && files.length > 1) {
      const note = document.createElement("li");
      const named =
        files.some((f) => /low|lo\b/i.test(f.name)) && files.some((f) => /high|hi\b/i.test(f.name));
      note.textContent = say(named ? "energies_named" : "energies", { n: files.length });
      items.push(note);
    }
    list?.replaceChildren(...items);
  }

  private item(file: File, slot: "scan" | "photo"): HTMLElement {
    const item = document.createElement("li");
    if (/\.(png|jpe?g)$/i.test(file.name)) {
      const picture = document.createElement("img");
      const address = addresses.get(file) ?? URL.createObjectURL(file);
      addresses.set(file, address);
      picture.src = address;
      picture.alt = say("preview", { name: file.name });
      picture.addEventListener("error", () => picture.remove());
      item.append(picture);
    }
    const name = document.createElement("span");
    name.textContent = file.name;
    const about = document.createElement("small");
    about.textContent = size(file.size);
    const acts = document.createElement("span");
    acts.className = "acts";
    const other = slot === "scan" ? "photo" : "scan";
    if (/\.(png|jpe?g|tiff?)$/i.test(file.name))
      acts.append(
        this.button(say(`as_${other}`), file, () => {
          this.drop(file);
          if (other === "photo") this.chosen.photo = file;
          else this.chosen.scan.push(file);
          this.show();
        }),
      );
    acts.append(
      this.button(say("remove"), file, () => {
        this.drop(file);
        this.show();
        this.listening.tell(say("removed", { name: file.name }));
        this.input(slot).focus();
      }),
    );
    item.append(name, acts, about);
    return item;
  }

  private button(text: string, file: File, act: () => void): HTMLButtonElement {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "quiet";
    made.textContent = text;
    made.setAttribute("aria-label", `${text}: ${file.name}`);
    made.addEventListener("click", act);
    return made;
  }

  private drop(file: File): void {
    this.chosen.scan = this.chosen.scan.filter((each) => each !== file);
    if (this.chosen.photo === file) this.chosen.photo = null;
  }
}
