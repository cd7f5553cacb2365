// Two canvases that show the same part of an image: with masks and points, and clean.

const COLORS = ["#ff5252", "#40c4ff", "#ffd740", "#69f0ae", "#e040fb", "#ff9100", "#00e5ff", "#b2ff59"];
const POINT_RADIUS = 7;

export class Viewer {
  constructor(left, right, onPoint) {
    Object.assign(this, { left, right, onPoint, zoom: 1, x: 0.5, y: 0.5, picture: null, masks: [] });
    this.subset = { points: [] };
    this.cursor = -1;
    for (const canvas of [left, right]) {
      canvas.addEventListener("pointerdown", (event) => this.down(event, canvas));
      new ResizeObserver(() => this.draw()).observe(canvas);
    }
  }

  show(picture, { runs, width, height }) {
    this.picture = picture;
    Object.assign(this, { width, height, zoom: 1, x: 0.5, y: 0.5, cursor: -1 });
    this.masks = runs.map((lengths) => decode(lengths, width * height));
    this.layers = this.masks.map((mask, number) => layer(mask, width, height, COLORS[number % COLORS.length]));
    this.draw();
  }

  setZoom(zoom) { this.zoom = zoom; this.clamp(); this.draw(); }

  // Moves the view by parts of what is seen.
  pan(dx, dy) { this.x += dx / this.zoom; this.y += dy / this.zoom; this.clamp(); this.draw(); }

  clamp() {
    const half = 0.5 / this.zoom;
    this.x = Math.min(1 - half, Math.max(half, this.x));
    this.y = Math.min(1 - half, Math.max(half, this.y));
  }

  // From pixels of the image to those of a canvas: scale and offset.
  transform(canvas) {
    const scale = Math.min(canvas.width / this.width, canvas.height / this.height) * this.zoom;
    return { scale, dx: canvas.width / 2 - this.x * this.width * scale,
             dy: canvas.height / 2 - this.y * this.height * scale };
  }

  toImage(event, canvas) {
    const box = canvas.getBoundingClientRect(), { scale, dx, dy } = this.transform(canvas);
    const ratio = canvas.width / box.width;
    return { x: ((event.clientX - box.left) * ratio - dx) / scale,
             y: ((event.clientY - box.top) * ratio - dy) / scale, scale };
  }

  down(event, canvas) {
    if (!this.picture || event.button !== 0) return;
    if (event.shiftKey) { this.drag(event, canvas); return; }
    if (canvas !== this.left) return;
    const { x, y, scale } = this.toImage(event, canvas);
    const near = this.subset.points.findIndex((p) => Math.hypot(p.x - x, p.y - y) * scale < POINT_RADIUS + 2);
    if (near >= 0) { this.onPoint(null, near); return; }
    const instance = this.at(x, y);
    if (instance >= 0) this.onPoint({ x: Math.round(x * 10) / 10, y: Math.round(y * 10) / 10, instance }, -1);
  }

  drag(event, canvas) {
    let { clientX, clientY } = event;
    canvas.classList.add("pan");
    canvas.setPointerCapture(event.pointerId);
    const move = (next) => {
      const { scale } = this.transform(canvas), ratio = canvas.width / canvas.getBoundingClientRect().width;
      this.x -= ((next.clientX - clientX) * ratio) / scale / this.width;
      this.y -= ((next.clientY - clientY) * ratio) / scale / this.height;
      ({ clientX, clientY } = next);
      this.clamp();
      this.draw();
    };
    const end = () => {
      canvas.classList.remove("pan");
      canvas.removeEventListener("pointermove", move);
    };
    canvas.addEventListener("pointermove", move);
    canvas.addEventListener("pointerup", end, { once: true });
  }

  // The smallest instance whose mask holds a pixel, -1 for none.
  at(x, y) {
    const column = Math.floor(x), row = Math.floor(y);
    if (column < 0 || row < 0 || column >= this.width || row >= this.height) return -1;
    let best = -1;
    this.masks.forEach((mask, number) => {
      if (mask[row * this.width + column] && (best < 0 || mask.area < this.masks[best].area)) best = number;
    });
    return best;
  }

  // A point inside of an instance, for the keyboard: the pixel nearest to its centre.
  inner(instance) {
    const mask = this.masks[instance];
    let sx = 0, sy = 0;
    mask.forEach((on, i) => { if (on) { sx += i % this.width; sy += Math.floor(i / this.width); } });
    const cx = sx / mask.area, cy = sy / mask.area;
    let best = Infinity, point = null;
    mask.forEach((on, i) => {
      const x = i % this.width, y = Math.floor(i / this.width), d = (x - cx) ** 2 + (y - cy) ** 2;
      if (on && d < best) { best = d; point = { x: x + 0.5, y: y + 0.5, instance }; }
    });
    return point;
  }

  draw() {
    if (!this.picture) return;
    const chosen = new Set(this.subset.points.map((point) => point.instance));
    for (const canvas of [this.left, this.right]) {
      const ratio = window.devicePixelRatio || 1;
      canvas.width = Math.max(1, Math.round(canvas.clientWidth * ratio));
      canvas.height = Math.max(1, Math.round(canvas.clientHeight * ratio));
      const pen = canvas.getContext("2d"), { scale, dx, dy } = this.transform(canvas);
      pen.setTransform(scale, 0, 0, scale, dx, dy);
      pen.imageSmoothingEnabled = scale < 3;
      pen.drawImage(this.picture, 0, 0, this.width, this.height);
      if (canvas === this.right) continue;
      this.layers.forEach((each, number) => {
        pen.globalAlpha = chosen.has(number) ? 0.65 : number === this.cursor ? 0.5 : 0.22;
        pen.drawImage(each, 0, 0);
      });
      pen.globalAlpha = 1;
      for (const point of this.subset.points) {
        pen.beginPath();
        pen.arc(point.x, point.y, POINT_RADIUS / scale, 0, 7);
        pen.fillStyle = "#fff";
        pen.fill();
        pen.lineWidth = 2 / scale;
        pen.strokeStyle = "#000";
        pen.stroke();
      }
    }
  }
}

function decode(lengths, size) {
  const mask = new Uint8Array(size);
  let place = 0, on = 0, area = 0;
  for (const length of lengths) {
    if (on) { mask.fill(1, place, place + length); area += length; }
    place += length;
    on = 1 - on;
  }
  mask.area = area;
  return mask;
}

function layer(mask, width, height, color) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const pen = canvas.getContext("2d"), data = pen.createImageData(width, height);
  const [r, g, b] = [1, 3, 5].map((start) => parseInt(color.slice(start, start + 2), 16));
  mask.forEach((on, i) => { if (on) data.data.set([r, g, b, 255], i * 4); });
  pen.putImageData(data, 0, 0);
  return canvas;
}
