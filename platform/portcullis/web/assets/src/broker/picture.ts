/** The photo of the goods: chosen, dropped anywhere on the page, or pasted. */
export class Picture {
  private readonly field: HTMLInputElement | null;
  private readonly shown: HTMLImageElement | null;
  private readonly out: HTMLButtonElement | null;

  constructor(
    form: HTMLFormElement,
    private readonly changed: () => void,
  ) {
    this.field = form.querySelector("#photo");
    this.shown = form.querySelector("#preview");
    this.out = form.querySelector("#no-photo");
    const drop = form.querySelector<HTMLElement>("#drop");
    this.field?.addEventListener("change", () => this.chosen());
    this.out?.addEventListener("click", () => {
      this.clear();
      this.field?.focus();
      this.changed();
    });
    document.addEventListener("dragover", (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      drop?.classList.add("over");
    });
    document.addEventListener("dragleave", () => drop?.classList.remove("over"));
    document.addEventListener("drop", (event) => {
      drop?.classList.remove("over");
      if (!event.dataTransfer?.files.length) return;
      event.preventDefault();
      this.take(event.dataTransfer.files);
    });
    document.addEventListener("paste", (event) => {
      if (event.clipboardData?.files.length) this.take(event.clipboardData.files);
    });
    if (this.field?.files?.length) this.chosen();
  }

  /** Take the photo out; nothing is asked. */
  clear(): void {
    if (this.field) this.field.value = "";
    this.show();
  }

  private take(files: FileList): void {
    const photo = [...files].find((file) => file.type.startsWith("image/"));
    if (!photo || !this.field) return;
    const holder = new DataTransfer();
    holder.items.add(photo);
    this.field.files = holder.files;
    this.chosen();
  }

  private chosen(): void {
    this.show();
    this.changed();
  }

  private show(): void {
    const photo = this.field?.files?.[0];
    if (!this.shown || !this.out) return;
    if (this.shown.src) URL.revokeObjectURL(this.shown.src);
    this.out.hidden = !photo;
    this.shown.hidden = !photo || photo.type === "image/tiff"; // no browser draws one
    if (photo) this.shown.src = URL.createObjectURL(photo);
    else this.shown.removeAttribute("src");
  }
}
