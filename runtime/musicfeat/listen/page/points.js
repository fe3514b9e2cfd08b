/** Points on a canvas: by WebGL on a graphics processor, otherwise pixel by pixel, which is faster there. */
import {
  createBufferInfoFromArrays,
  createProgramInfo,
  drawBufferInfo,
  setAttribInfoBufferFromArray,
  setBuffersAndAttributes,
  setUniforms,
} from "./vendor/twgl.min.js";

const VERTEX = `#version 300 es
in vec2 place;
in vec4 colour;
uniform vec2 scale, shift;
uniform float size;
out vec4 ink;
void main() {
  gl_Position = vec4(place * scale + shift, 0.0, 1.0);
  gl_PointSize = size;
  ink = vec4(colour.rgb * colour.a, colour.a);
}`;
const FRAGMENT = `#version 300 es
precision highp float;
uniform float size;
in vec4 ink;
out vec4 pixel;
void main() {
  float outside = distance(gl_PointCoord, vec2(0.5)) * size - 0.5 * size + 0.75;
  if (outside > 1.0) discard;
  pixel = ink * (1.0 - max(outside, 0.0));
}`;

const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Float32Array} x, y the points' places
 * @returns {{kind: string, colour: (rgba: Uint8Array, order: Uint32Array) => void, draw: (view: object) => void}}
 *   `order` is the drawing order; `view` has `scale` and `shift` from places to clip space, [2] each, the `size` of
 *   points in canvas pixels, and the `ground`, [3] of 0 to 255, on which pixels are mixed without WebGL.
 */
export function createPoints(canvas, x, y) {
  const gl = isAccelerated() ? canvas.getContext("webgl2", { antialias: false, depth: false }) : null;
  return gl ? new ShadedPoints(canvas, gl, x, y) : new RasterPoints(canvas.getContext("2d"), x, y);
}

/** Whether WebGL runs on a graphics processor; tested on a separate canvas, which is then bound to WebGL. */
function isAccelerated() {
  const gl = document.createElement("canvas").getContext("webgl2", { failIfMajorPerformanceCaveat: true });
  if (!gl) return false;
  const names = gl.getExtension("WEBGL_debug_renderer_info");
  const renderer = gl.getParameter(names ? names.UNMASKED_RENDERER_WEBGL : gl.RENDERER);
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return !SOFTWARE.test(renderer);
}

class ShadedPoints {
  kind = "webgl";
  #gl;
  #places;
  #state = null;
  #colours = null;
  #view = null;

  constructor(canvas, gl, x, y) {
    this.#gl = gl;
    this.#places = new Float32Array(2 * x.length);
    for (let i = 0; i < x.length; i++) [this.#places[2 * i], this.#places[2 * i + 1]] = [x[i], y[i]];
    this.#build();
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => this.#restore());
  }

  #build() {
    const gl = this.#gl;
    const count = this.#places.length / 2;
    const buffers = createBufferInfoFromArrays(gl, {
      place: { numComponents: 2, data: this.#places },
      colour: { numComponents: 4, data: new Uint8Array(4 * count), drawType: gl.DYNAMIC_DRAW },
      indices: { data: new Uint32Array(count), drawType: gl.DYNAMIC_DRAW },
    });
    this.#state = { program: createProgramInfo(gl, [VERTEX, FRAGMENT]), buffers };
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  #restore() {
    this.#build();
    if (this.#colours) this.colour(...this.#colours);
    if (this.#view) this.draw(this.#view);
  }

  colour(rgba, order) {
    const gl = this.#gl;
    this.#colours = [rgba, order];
    setAttribInfoBufferFromArray(gl, this.#state.buffers.attribs.colour, rgba);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, this.#state.buffers.indices);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, order, gl.DYNAMIC_DRAW);
  }

  draw(view) {
    const gl = this.#gl;
    const { program, buffers } = this.#state;
    this.#view = view;
    gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.useProgram(program.program);
    setBuffersAndAttributes(gl, program, buffers);
    setUniforms(program, { scale: view.scale, shift: view.shift, size: view.size });
    if (this.#places.length) drawBufferInfo(gl, buffers, gl.POINTS);
  }
}

class RasterPoints {
  kind = "canvas";
  #pen;
  #places;
  #rgba = null;
  #ordered = null;
  #image = null;

  constructor(pen, x, y) {
    this.#pen = pen;
    this.#places = [x, y];
  }

  colour(rgba, order) {
    const [x, y] = this.#places.map((column) => Float32Array.from(order, (i) => column[i]));
    this.#rgba = new Uint32Array(rgba.buffer);
    this.#ordered = { x, y, order, inks: null, ground: null };
  }

  draw({ scale, shift, size, ground }) {
    const { width, height } = this.#pen.canvas;
    if (this.#image?.width !== width || this.#image?.height !== height) {
      this.#image = this.#pen.createImageData(width, height);
    }
    const pixels = new Uint32Array(this.#image.data.buffer);
    pixels.fill(0);
    const { x, y } = this.#ordered;
    const inks = this.#inks(ground);
    const rows = disc(Math.max(1, Math.round(size)));
    const edge = rows.length;
    const [right, left] = [(scale[0] * width) / 2, ((shift[0] + 1) * width - edge + 1) / 2];
    const [down, top] = [(-scale[1] * height) / 2, ((1 - shift[1]) * height - edge + 1) / 2];
    for (let i = 0; i < x.length; i++) {
      const column = Math.floor(x[i] * right + left);
      const row = Math.floor(y[i] * down + top);
      if (column < 0 || row < 0 || column + edge > width || row + edge > height) continue;
      const ink = inks[i];
      for (let k = 0, line = row * width + column; k < edge; k++, line += width) {
        for (let at = line + rows[k], end = line + edge - rows[k]; at < end; at++) pixels[at] = ink;
      }
    }
    this.#pen.putImageData(this.#image, 0, 0);
  }

  /** Opaque colours in the drawing order: faint ones are mixed with the ground beforehand. */
  #inks(ground) {
    const ordered = this.#ordered;
    if (ordered.ground !== ground) {
      ordered.ground = ground;
      ordered.inks = Uint32Array.from(ordered.order, (i) => opaque(this.#rgba[i], ground));
    }
    return ordered.inks;
  }
}

/** A pixel, alpha in its highest byte, mixed with red, green and blue. */
function opaque(pixel, ground) {
  const part = (pixel >>> 24) / 255;
  const mixed = (k) => Math.round(part * ((pixel >>> (8 * k)) & 255) + (1 - part) * ground[k]);
  return 0xff000000 | (mixed(2) << 16) | (mixed(1) << 8) | mixed(0);
}

/** Offset of each row of a disc from the left of its square. */
function disc(size) {
  return Array.from({ length: size }, (_, row) => {
    const rise = (row + 0.5) / size - 0.5;
    return Math.round(size * (0.5 - Math.sqrt(Math.max(0, 0.25 - rise * rise))));
  });
}
