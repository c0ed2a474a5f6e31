/** Telling dropped files apart: by name, and where that does not tell, by what a picture looks like. */

export type Slot = "declaration" | "scan" | "photo";
export const MOST_SCAN_FILES = 3;

const SCAN_ONLY = /\.(npy|dcs|dcm|dicom|dicos|img|raw)$/i;
const PICTURE = /\.(png|jpe?g|tiff?)$/i;
const OF_A_SCAN = /(^|[^a-z])(x-?ray|scan|low|high|lo|hi|[46]mv|9mv|mat(erial)?|transmission)([^a-z]|$)/i;
const OF_A_PHOTO = /(photo|picture|img_\d|dsc|사진)/i;

/** Where a file belongs by its name; null where a look at it has to tell, "none" for what cannot be read. */
export function byName(name: string): Slot | "none" | null {
  if (/\.json$/i.test(name)) return "declaration";
  if (SCAN_ONLY.test(name)) return "scan";
  if (!PICTURE.test(name)) return "none";
  if (OF_A_PHOTO.test(name)) return "photo";
  if (OF_A_SCAN.test(name) || /\.tiff?$/i.test(name)) return "scan";
  return null;
}

/** Whether the head of a PNG says grey or 16 bits, as a scan's does; null for another file or a coloured one. */
export function greyPng(head: Uint8Array): boolean | null {
  const isPng = head.length > 25 && head[0] === 0x89 && head[1] === 0x50 && head[2] === 0x4e;
  if (!isPng) return null;
  const [depth, colour] = [head[24], head[25]];
  return depth === 16 || colour === 0 || colour === 4 ? true : null;
}

/** Whether pixels (RGBA) have no colour anywhere, but for the traces that JPEG leaves. */
export function isGrey(pixels: Uint8ClampedArray): boolean {
  let coloured = 0;
  for (let i = 0; i + 3 < pixels.length; i += 4) {
    const [r = 0, g = 0, b = 0] = [pixels[i], pixels[i + 1], pixels[i + 2]];
    if (Math.max(r, g, b) - Math.min(r, g, b) > 24) coloured++;
  }
  return coloured * 4 < pixels.length * 0.01;
}

/** Where a file belongs; a picture that tells nothing by its name is looked at. */
export async function slotOf(file: File): Promise<Slot | "none"> {
  const named = byName(file.name);
  if (named !== null) return named;
  if (greyPng(new Uint8Array(await file.slice(0, 32).arrayBuffer()))) return "scan";
  try {
    const picture = await createImageBitmap(file, { resizeWidth: 64, resizeHeight: 48 });
    const canvas = new OffscreenCanvas(64, 48);
    const pen = canvas.getContext("2d");
    if (!pen) return "scan";
    pen.drawImage(picture, 0, 0);
    return isGrey(pen.getImageData(0, 0, 64, 48).data) ? "scan" : "photo";
  } catch {
    return "scan"; // the server says what is wrong with it
  }
}

/** A file's size as people read it. */
export function size(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  if (bytes < 1024 * 1024) return `${(bytes / 1024).toFixed(0)} KB`;
  return `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}
