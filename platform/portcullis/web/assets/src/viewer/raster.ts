/** Numbers of a picture as the API sends them: row by row, little-endian, with what they mean in headers. */
import { refusal } from "../common/fetch";

export type Numbers = Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer>;
/** top, left, bottom, right in pixels of the upright scan. */
export type Box = readonly [number, number, number, number];

export interface Raster {
  rows: number;
  columns: number;
  /** A number times this is the value in `unit`. */
  step: number;
  unit: string;
  /** The pixels of the scan that the numbers cover. */
  box: Box;
  values: Numbers;
}

/** Fetch one; `told` hears how many bytes have come. Throws `Refusal`. */
export async function fetchRaster(href: string, told: (bytes: number) => void = () => {}): Promise<Raster> {
  const answer = await fetch(href, { headers: { Accept: "application/octet-stream" } });
  if (!answer.ok || !answer.body) throw await refusal(answer);
  const said = (name: string) => answer.headers.get(`X-${name}`) ?? "";
  const rows = Number(said("Rows"));
  const columns = Number(said("Columns"));
  const wide = said("Type") === "uint16";
  const bytes = new Uint8Array(rows * columns * (wide ? 2 : 1));
  const reader = answer.body.getReader();
  let at = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (at + value.length > bytes.length) throw new RangeError(`${href}: more numbers than announced`);
    bytes.set(value, at);
    at += value.length;
    told(at / bytes.length);
  }
  if (at !== bytes.length) throw new RangeError(`${href}: ${at} bytes of ${bytes.length} came`);
  return {
    rows,
    columns,
    step: Number(said("Step")),
    unit: said("Unit"),
    box: said("Box").split(",").map(Number) as unknown as Box,
    values: wide ? new Uint16Array(bytes.buffer) : bytes,
  };
}
