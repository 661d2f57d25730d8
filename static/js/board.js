// Draws the board's charts from the tables beside them: what is read and what is seen is the same.
const zoomOut = { responsive: true, maintainAspectRatio: false, animation: false, normalized: true };
const board = document.querySelector(".board");
const charts = new Map();

function token(name) {
  return getComputedStyle(document.body).getPropertyValue(`--${name}`).trim();
}

function number(text) {
  return text === "" || text === undefined ? null : Number(text);
}

// The second series is hatched, so that it is told apart without colour.
function hatched() {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 6;
  const pen = tile.getContext("2d");
  pen.fillStyle = token("surface");
  pen.fillRect(0, 0, 6, 6);
  pen.strokeStyle = token("ink-2");
  pen.lineWidth = 1.5;
  pen.beginPath();
  for (const shift of [-6, 0, 6]) {
    pen.moveTo(shift, 6);
    pen.lineTo(shift + 6, 0);
  }
  pen.stroke();
  return pen.createPattern(tile, "repeat");
}

function scales(count, labels, { max, every = 1, unit = "" } = {}) {
  const ticks = { color: token("ink-2"), font: { size: 12, family: token("font") } };
  return {
    x: {
      type: "linear", min: -0.5, max: Math.max(count, 1) - 0.5, offset: false,
      grid: { display: false }, border: { color: token("edge") },
      afterBuildTicks: (axis) => { axis.ticks = labels.map((_, value) => ({ value })).filter((tick) => tick.value % every === 0); },
      ticks: { ...ticks, autoSkip: false, maxRotation: 0, callback: (value) => labels[value] ?? "" },
    },
    y: {
      beginAtZero: true, max, border: { display: false }, grid: { color: token("line") },
      ticks: { ...ticks, maxTicksLimit: 6, precision: 0, callback: (value) => `${value}${unit}` },
    },
  };
}

function plugins(title) {
  return {
    legend: { display: false },
    tooltip: { callbacks: { title: (items) => title(Math.round(items[0].parsed.x)) } },
  };
}

// Lines across the chart with their words at the end: targets, limits.
const lines = {
  id: "lines",
  afterDatasetsDraw(chart) {
    const { ctx, chartArea: area, scales: { y } } = chart;
    for (const line of chart.options.lines ?? []) {
      if (line.at < y.min || line.at > y.max) continue;
      const height = y.getPixelForValue(line.at);
      ctx.save();
      ctx.strokeStyle = ctx.fillStyle = line.colour;
      ctx.lineWidth = line.dash ? 1.5 : 2;
      ctx.setLineDash(line.dash ?? []);
      ctx.beginPath();
      ctx.moveTo(area.left, height);
      ctx.lineTo(area.right, height);
      ctx.stroke();
      ctx.font = `${line.dash ? 400 : 600} 12px ${token("font")}`;
      ctx.textAlign = "right";
      ctx.fillText(line.words, area.right - 2, height - 5);
      ctx.restore();
    }
  },
};

function draw(name, config) {
  const canvas = document.querySelector(`[data-chart="${name}"]`);
  if (!canvas) return;
  const said = JSON.stringify([config, document.documentElement.dataset.theme], (key, value) => (typeof value === "function" || value instanceof CanvasPattern ? undefined : value));
  const had = charts.get(name);
  if (had?.said === said) return;
  had?.chart.destroy();
  charts.set(name, { said, chart: new Chart(canvas, { ...config, plugins: [lines] }) });
}

function read() {
  const select = document.querySelector("[data-chart-of]");
  const tables = [...document.querySelectorAll("[data-hours]")];
  if (tables.length === 0) return null;
  const table = tables.find((one) => one.dataset.hours === select.value) ?? tables[0];
  for (const one of tables) one.hidden = one !== table;
  const rows = [...table.querySelectorAll("tr[data-hour]")].map((row) => {
    const cell = (name) => number(row.querySelector(`[data-${name}]`)?.getAttribute(`data-${name}`));
    return {
      hour: row.dataset.hour, expected: cell("expected"),
      booked: { arrived: cell("booked"), median: cell("booked-median"), p90: cell("booked-p90") },
      others: { arrived: cell("others"), median: cell("others-median"), p90: cell("others-p90") },
    };
  });
  const targets = [...table.querySelectorAll("tr[data-target]")].map((row) => ({ at: Number(row.dataset.target), words: row.dataset.words, colour: token("brand"), dash: [6, 3] }));
  return { rows, targets, caption: table.caption.textContent };
}

function waits({ rows, targets }) {
  const series = [["Booked", "booked", -0.13, "rect", token("ink")], ["Walk-in and others", "others", 0.13, "circle", token("surface")]];
  const datasets = series.flatMap(([label, key, shift, pointStyle, fill]) => {
    const some = rows.map((row, n) => ({ n, ...row[key] })).filter((one) => one.median !== null);
    return [
      { type: "line", label: `${label}, median`, showLine: false, pointStyle, pointRadius: 6, pointHoverRadius: 8, pointBorderWidth: 2.4,
        pointBackgroundColor: fill, pointBorderColor: token("ink"), data: some.map((one) => ({ x: one.n + shift, y: one.median })), order: 0 },
      { type: "bar", label: `${label}, 9 in 10 within`, grouped: false, barThickness: 2, backgroundColor: token("ink-2"),
        data: some.map((one) => ({ x: one.n + shift, y: [one.median, one.p90] })), order: 1 },
    ];
  });
  const most = Math.max(10, ...rows.flatMap((row) => [row.booked.p90 ?? 0, row.others.p90 ?? 0]), ...targets.map((target) => target.at * 1.1));
  draw("waits", {
    type: "bar", data: { datasets },
    options: { ...zoomOut, lines: targets, scales: scales(rows.length, rows.map((row) => row.hour), { max: Math.ceil(most / 10) * 10 }), plugins: plugins((n) => `Arrived from ${rows[n]?.hour}`) },
  });
}

function arrivals({ rows }) {
  const bars = (label, values, look) => ({ label, stack: "one", categoryPercentage: 1, barPercentage: 0.86, data: values.map((y, x) => ({ x, y })), ...look });
  const options = scales(rows.length, rows.map((row) => row.hour));
  options.x.stacked = options.y.stacked = true;
  draw("arrivals", {
    type: "bar",
    data: { datasets: [
      bars("Booked", rows.map((row) => row.booked.arrived), { backgroundColor: token("ink") }),
      bars("Walk-in and others", rows.map((row) => row.others.arrived), { backgroundColor: hatched(), borderColor: token("ink-2"), borderWidth: 1 }),
      bars("Still expected", rows.map((row) => row.expected), { backgroundColor: token("surface"), borderColor: token("edge"), borderWidth: 1.5 }),
    ] },
    options: { ...zoomOut, scales: options, plugins: plugins((n) => `From ${rows[n]?.hour}`) },
  });
}

function trend() {
  const table = document.querySelector("[data-trend]");
  if (!table) return;
  const rows = [...table.querySelectorAll("tr[data-day]")].map((row) => row.dataset);
  const points = (key) => rows.map((row, x) => ({ x, y: number(row[key]) })).filter((point) => point.y !== null);
  const odd = (row) => Boolean(row.signal);
  const limit = (label, key) => ({ label, data: points(key), borderColor: token("ink-2"), borderDash: [5, 4], borderWidth: 1.5, pointRadius: 0 });
  const aim = number(table.dataset.aim);
  const least = Math.min(aim ?? 100, ...rows.flatMap((row) => [Number(row.share), number(row.low) ?? 100]));
  const axes = scales(rows.length, rows.map((row) => row.day), { max: 100, every: Math.ceil(rows.length / 9), unit: " %" });
  axes.y.beginAtZero = false;
  axes.y.min = Math.max(0, Math.floor(least / 10) * 10 - 10);
  draw("trend", {
    type: "line",
    data: { datasets: [
      { label: "Called within target", data: points("share"), borderColor: token("ink"), borderWidth: 1.5,
        pointRadius: rows.map((row) => (odd(row) ? 8 : 4)), pointStyle: rows.map((row) => (odd(row) ? "rectRot" : "circle")),
        pointBackgroundColor: rows.map((row) => (odd(row) ? token("late") : token("ink"))) },
      limit("Ordinary from", "low"), limit("Ordinary to", "high"),
    ] },
    options: { ...zoomOut, lines: aim === null ? [] : [{ at: aim, words: `target ${Math.round(aim)} %`, colour: token("brand") }], scales: axes, plugins: plugins((n) => rows[n]?.day) },
  });
}

function show() {
  const found = read();
  if (found) {
    waits(found);
    arrivals(found);
    for (const canvas of document.querySelectorAll("#canvases canvas")) {
      canvas.setAttribute("aria-label", `${canvas.dataset.chart === "waits" ? "Minutes waited" : "Arrivals"}, drawn from the table “${found.caption}”`);
    }
  }
  trend();
}

// While the charts stand for them, the tables are for the ear: no stop for the Tab key.
function choose(what) {
  board.dataset.show = what;
  for (const table of document.querySelectorAll(".hours")) table.tabIndex = what === "table" ? 0 : -1;
}

choose("charts");
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-show-table]");
  if (!button) return;
  const table = board.dataset.show === "charts";
  choose(table ? "table" : "charts");
  button.setAttribute("aria-pressed", String(table));
  if (!table) show();
});
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-chart-of]")) show();
  event.target.closest("[data-choose]")?.requestSubmit();
});
document.addEventListener("queueapp:update", () => {
  choose(board.dataset.show);
  show();
});
// Drawn in the colours of the moment, so drawn again where they change (theme.js hears of it first).
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", show);
if (document.readyState === "complete") show();
else addEventListener("load", show);
