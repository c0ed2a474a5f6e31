/** Draws by the graphics card: 16-bit numbers lie in a texture, a new window is a table of 64 KB. */
import type { Affine } from "./grid";
import type { Painter, Shown } from "./painter";
import type { Level } from "./pyramid";
import { levelFor, squares } from "./sampling";

const CORNERS = `#version 300 es
void main() { vec2 at = vec2(gl_VertexID & 1, gl_VertexID >> 1); gl_Position = vec4(at * 4.0 - 1.0, 0.0, 1.0); }`;
// the same arithmetic as sampling.ts, so that both painters show the same picture
const COLOUR = `#version 300 es
precision highp float; precision highp int; precision highp usampler2D; precision highp sampler2D;
uniform usampler2D numbers; uniform usampler2D shares; uniform usampler2D greys; uniform sampler2D colours;
uniform vec3 across; uniform vec3 down; uniform float height; uniform vec4 box; uniform int level;
uniform bool square; uniform bool material; out vec4 colour;
float taken(usampler2D from, vec2 at) {
  ivec2 size = textureSize(from, level);
  ivec2 last = size - 1;
  vec2 place = (at - box.yx) * vec2(size) / (box.wz - box.yx);
  if (square) return float(texelFetch(from, clamp(ivec2(place), ivec2(0), last), level).r);
  place = clamp(place - 0.5, vec2(0.0), vec2(last));
  ivec2 low = ivec2(place);
  ivec2 high = min(low + 1, last);
  vec2 part = place - vec2(low);
  float a = float(texelFetch(from, low, level).r);
  float b = float(texelFetch(from, ivec2(high.x, low.y), level).r);
  float c = float(texelFetch(from, ivec2(low.x, high.y), level).r);
  float d = float(texelFetch(from, high, level).r);
  return floor(mix(mix(a, b, part.x), mix(c, d, part.x), part.y) + 0.5);
}
void main() {
  vec2 screen = vec2(gl_FragCoord.x, height - gl_FragCoord.y);
  vec2 at = vec2(dot(across, vec3(1.0, screen)), dot(down, vec3(1.0, screen)));
  if (at.x < box.y || at.y < box.x || at.x >= box.w || at.y >= box.z) { colour = vec4(0.0); return; }
  int number = int(taken(numbers, at));
  int grey = int(texelFetch(greys, ivec2(number & 255, number >> 8), 0).r);
  int share = material ? int(taken(shares, at)) : 0;
  colour = vec4(texelFetch(colours, ivec2(grey, share), 0).rgb, 1.0);
}`;

export class GraphicsPainter implements Painter {
  readonly name = "graphics";
  private shown: Shown | null = null;
  private readonly at: (name: string) => WebGLUniformLocation | null;
  private readonly textures: WebGLTexture[];

  private constructor(
    readonly canvas: HTMLCanvasElement,
    private readonly gl: WebGL2RenderingContext,
    program: WebGLProgram,
  ) {
    this.textures = [0, 1, 2, 3].map(() => gl.createTexture());
    gl.useProgram(program);
    this.at = (name) => gl.getUniformLocation(program, name);
    for (const [unit, name] of ["numbers", "shares", "greys", "colours"].entries()) {
      gl.uniform1i(this.at(name), unit);
    }
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    this.table(2, gl.R8UI, gl.RED_INTEGER, new Uint8Array(65536));
    this.table(3, gl.RGBA8, gl.RGBA, new Uint8Array(65536 * 4));
    this.pyramid(1, [{ rows: 1, columns: 1, values: new Uint8Array(1) }]);
  }

  /** One for pictures up to this size, or null where there is no WebGL 2, or one without a graphics card. */
  static make(rows: number, columns: number, evenSlow = false): GraphicsPainter | null {
    const canvas = document.createElement("canvas");
    const gl = canvas.getContext("webgl2", { antialias: false, depth: false, premultipliedAlpha: true });
    if (!gl || Math.max(rows, columns) > gl.getParameter(gl.MAX_TEXTURE_SIZE)) return null;
    if (!evenSlow && software(gl)) return null;
    const program = gl.createProgram();
    for (const [kind, source] of [
      [gl.VERTEX_SHADER, CORNERS],
      [gl.FRAGMENT_SHADER, COLOUR],
    ] as const) {
      const shader = gl.createShader(kind) as WebGLShader;
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) return null;
    return new GraphicsPainter(canvas, gl, program);
  }

  show(shown: Shown | null): void {
    if (shown && shown.levels !== this.shown?.levels) this.pyramid(0, shown.levels);
    if (shown?.shares && shown.shares !== this.shown?.shares) this.pyramid(1, shown.shares);
    this.shown = shown;
  }

  colour(greys: Uint8Array, colours: Uint32Array): void {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE2);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, 256, 256, gl.RED_INTEGER, gl.UNSIGNED_BYTE, greys);
    gl.activeTexture(gl.TEXTURE3);
    const bytes = new Uint8Array(colours.buffer as ArrayBuffer);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, 256, 256, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
  }

  draw(affine: Affine, width: number, height: number): void {
    const { gl, canvas, shown } = this;
    if (canvas.width !== width) canvas.width = width;
    if (canvas.height !== height) canvas.height = height;
    gl.viewport(0, 0, width, height);
    if (!shown) {
      gl.clear(gl.COLOR_BUFFER_BIT);
      return;
    }
    gl.uniform3f(this.at("across"), affine.x0, affine.xi, affine.xj);
    gl.uniform3f(this.at("down"), affine.y0, affine.yi, affine.yj);
    gl.uniform1f(this.at("height"), height);
    gl.uniform4f(this.at("box"), ...shown.box);
    gl.uniform1i(this.at("level"), levelFor(shown.levels, affine));
    gl.uniform1i(this.at("square"), Number(squares(affine)));
    gl.uniform1i(this.at("material"), Number(shown.shares !== null));
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  private pyramid(unit: number, levels: readonly Level[]): void {
    const { gl } = this;
    this.bind(unit);
    for (const [number, { rows, columns, values }] of levels.entries()) {
      // WebGL halves downwards; a level's last odd row or column is then left out
      const [across, down] = number === 0 ? [columns, rows] : this.size(levels, number);
      const [format, type] =
        values instanceof Uint16Array ? [gl.R16UI, gl.UNSIGNED_SHORT] : [gl.R8UI, gl.UNSIGNED_BYTE];
      gl.pixelStorei(gl.UNPACK_ROW_LENGTH, columns);
      gl.texImage2D(gl.TEXTURE_2D, number, format, across, down, 0, gl.RED_INTEGER, type, values);
    }
    gl.pixelStorei(gl.UNPACK_ROW_LENGTH, 0);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAX_LEVEL, levels.length - 1);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST_MIPMAP_NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  }

  private size(levels: readonly Level[], number: number): [number, number] {
    const { rows, columns } = levels[0] as Level;
    return [Math.max(1, columns >> number), Math.max(1, rows >> number)];
  }

  private table(unit: number, format: number, layout: number, bytes: Uint8Array): void {
    const { gl } = this;
    this.bind(unit);
    gl.texImage2D(gl.TEXTURE_2D, 0, format, 256, 256, 0, layout, gl.UNSIGNED_BYTE, bytes);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  }

  private bind(unit: number): void {
    this.gl.activeTexture(this.gl.TEXTURE0 + unit);
    this.gl.bindTexture(this.gl.TEXTURE_2D, this.textures[unit] as WebGLTexture);
  }
}

/** Whether WebGL is made up by the processor: then our own painter is the faster one. */
function software(gl: WebGL2RenderingContext): boolean {
  const names = [gl.getParameter(gl.RENDERER)];
  if (gl.getExtension("WEBGL_debug_renderer_info")) names.push(gl.getParameter(0x9246));
  return names.some((name) => /swiftshader|llvmpipe|softpipe|software|basic render/i.test(String(name)));
}
