/** Points on a canvas: by WebGL, and where a browser has none, pixel by pixel. */
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
precision mediump float;
uniform float size;
in vec4 ink;
out vec4 pixel;
void main() {
  float outside = distance(gl_PointCoord, vec2(0.5)) * size - 0.5 * size + 0.75;
  if (outside > 1.0) discard;
  pixel = ink * (1.0 - max(outside, 0.0));
}`;

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Float32Array} x, y the points' places
 * @returns {{kind: string, colour: (rgba: Uint8Array, order: Uint32Array) => void, draw: (view: object) => void}}
 *   `order` is that of drawing; `view` holds `scale` and `shift` from places to clip space, [2] each, the points' `size`
 *   in pixels of the canvas and the `ground`, [3] of 0 to 255, on which the pixels are mixed without WebGL.
 */
export function createPoints(canvas, x, y) {
  const gl = canvas.getContext("webgl2", { antialias: false, depth: false, powerPreference: "high-performance" });
  return gl ? new ShadedPoints(canvas, gl, x, y) : new RasterPoints(canvas.getContext("2d"), x, y);
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
  #canvas;
  #x;
  #y;
  #rgba = null;
  #order = null;
  #image = null;

  constructor(canvas, x, y) {
    this.#canvas = canvas;
    this.#x = x;
    this.#y = y;
  }

  colour(rgba, order) {
    this.#rgba = rgba;
    this.#order = order;
  }

  draw({ scale, shift, size, ground }) {
    const { width, height } = this.#canvas.canvas;
    if (this.#image?.width !== width || this.#image?.height !== height) {
      this.#image = this.#canvas.createImageData(width, height);
    }
    const pixels = new Uint32Array(this.#image.data.buffer);
    pixels.fill(0);
    const inks = mix(this.#rgba, ground);
    const rows = disc(Math.max(1, Math.round(size)));
    for (const i of this.#order) {
      const left = Math.round(((this.#x[i] * scale[0] + shift[0] + 1) / 2) * width - size / 2);
      const top = Math.round(((1 - this.#y[i] * scale[1] - shift[1]) / 2) * height - size / 2);
      if (left < 0 || top < 0 || left + size > width || top + size > height) continue;
      for (let row = 0; row < rows.length; row++) {
        const begin = (top + row) * width + left + rows[row];
        pixels.fill(inks[i], begin, begin + rows.length - 2 * rows[row]);
      }
    }
    this.#canvas.putImageData(this.#image, 0, 0);
  }
}

/** Opaque colours as 32-bit pixels: faint ones are mixed with the ground beforehand. */
function mix(rgba, ground) {
  const inks = new Uint32Array(rgba.length / 4);
  for (let i = 0; i < inks.length; i++) {
    const part = rgba[4 * i + 3] / 255;
    const [red, green, blue] = ground.map((value, k) => Math.round(part * rgba[4 * i + k] + (1 - part) * value));
    inks[i] = 0xff000000 | (blue << 16) | (green << 8) | red;
  }
  return inks;
}

/** How far each row of a disc begins from the left of its square. */
function disc(size) {
  return Array.from({ length: size }, (_, row) => {
    const rise = (row + 0.5) / size - 0.5;
    return Math.round(size * (0.5 - Math.sqrt(Math.max(0, 0.25 - rise * rise))));
  });
}
