/** A worker that draws one spectrogram. */
import { spectrogram } from "./spectrogram.js";

const COLUMNS = 1200;
const ROWS = 160;

self.onmessage = ({ data: { wave, rate } }) => {
  postMessage({ picture: spectrogram(wave, rate, COLUMNS, ROWS), duration: wave.length / rate });
};
