// Data, numbers in words, marks and axes: what all pictures share.

const study = JSON.parse(document.getElementById("study-data").textContent);
// Large, and needed only for single models: parsed when the first one is chosen.
let pictures = null;
const at = (id) => document.getElementById(id);
// Okabe and Ito's colours, told apart by the colour-blind; shapes tell the groups as well.
const COLOURS = ["#777777", "#b86e00", "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9",
  "#d55e00", "#8a63d2", "#b3a100"];
const SHAPES = ["star", "diamond", "circle", "square", "triangle-up", "triangle-down", "cross",
  "x", "hexagon", "pentagon"];
// Only buttons that work without a network.
const CONFIG = { displaylogo: false, responsive: true,
  modeBarButtons: [["toImage", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]] };
const isNarrow = () => window.innerWidth < 600;

// Numbers

const grouped = (digits) => String(digits).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
/** Write a / b with so many decimals, rounded down; a and b are exact integers. */
function down(a, b, digits) {
  const scale = 10n ** BigInt(digits);
  const scaled = (BigInt(a) * scale) / BigInt(b);
  return `${scaled / scale}.${String(scaled % scale).padStart(digits, "0")}`;
}
const floored = (value) => (Math.floor(value * 1e5 + 1e-6) / 1e5).toFixed(5);
const seconds = (value) => (value === null ? "-" : value.toFixed(2));

/** Write text into a hover label, where markup would be obeyed. */
function plain(text) {
  return String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}

// Marks by group

const name = (s) => study.strategies[s][0];
const group = (s) => study.strategies[s][1];
const isStudy = (s) => study.strategies[s][2] === 1;
const isHollow = (s) => name(s).startsWith("subcubic/") && !isStudy(s);

/** Return a trace for each group, chord variants apart; `points` are {s, x, y, text, sd}. */
function traces(points, type, size, opacity) {
  const byKey = new Map();
  for (const point of points) {
    const key = study.groups.indexOf(group(point.s)) * 2 + (isHollow(point.s) ? 1 : 0);
    if (!byKey.has(key)) byKey.set(key, []);
    byKey.get(key).push(point);
  }
  return [...byKey.keys()].sort((a, b) => a - b).map((key) => {
    const members = byKey.get(key);
    const which = (key >> 1) % COLOURS.length;
    const shape = SHAPES[which];
    const trace = {
      type, mode: "markers", name: plain(study.groups[key >> 1]) + (key % 2 ? ", chord" : ""),
      x: members.map((p) => p.x), y: members.map((p) => p.y),
      text: members.map((p) => p.text), hovertemplate: "%{text}<extra></extra>",
      marker: { size, opacity, color: COLOURS[which], symbol: key % 2 ? shape + "-open" : shape },
    };
    if (members.some((p) => p.sd)) {
      trace.error_y = { type: "data", array: members.map((p) => p.sd || 0), thickness: 1, width: 2,
        color: COLOURS[which] };
    }
    return trace;
  });
}

function layout(xTitle, yTitle) {
  const narrow = isNarrow();
  const axis = { gridcolor: "#ddd", zeroline: false, automargin: true };
  return {
    paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: getComputedStyle(document.body).fontFamily, size: 12 },
    margin: { l: narrow ? 44 : 60, r: narrow ? 8 : 16, t: 30, b: 46 },
    xaxis: Object.assign({ title: { text: xTitle } }, axis),
    yaxis: Object.assign({ title: { text: yTitle } }, axis),
    legend: { orientation: "v", y: 1, x: 1.01, itemsizing: "constant" },
    hoverlabel: { align: "left" }, hovermode: "closest",
  };
}

/** Put the legend of so many names below the plot where there is no room beside it. */
function placeLegend(shape, names, columns) {
  if (!isNarrow()) return;
  shape.legend = { orientation: "h", yref: "container", y: 0, yanchor: "bottom", x: 0,
    font: { size: 11 }, entrywidthmode: "fraction", entrywidth: 0.98 / columns };
  shape.margin.b = 64 + 20 * Math.ceil(names / columns);
}

/** Return ticks in words, such as 1.5M, for a part of a logarithmic axis. */
function ticks(least, most) {
  const steps = most / least < 8 ? [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8] : [1, 2, 5];
  const tickvals = [];
  for (let power = Math.floor(Math.log10(least)); power <= Math.log10(most); power += 1) {
    for (const step of steps) tickvals.push(step * 10 ** power);
  }
  const inWords = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 2 });
  return { tickvals, ticktext: tickvals.map((value) => inWords.format(value)) };
}

/** Set a logarithmic axis, up to `most` if the long ones are to stay out of sight. */
function across(axis, values) {
  axis.type = "log";
  const sorted = [...values].sort((a, b) => a - b);
  const most = 8 * (sorted[sorted.length >> 1] || 1);
  const shown = sorted.filter((value) => value <= most);
  const beyond = sorted.length - shown.length;
  if (at("across").value === "near" && shown.length) {
    axis.range = [Math.log10(shown[0] / 1.15), Math.log10(shown[shown.length - 1] * 1.15)];
    Object.assign(axis, ticks(shown[0], shown[shown.length - 1]));
    if (beyond) axis.title.text += ` (${grouped(beyond)} further right)`;
  } else {
    Object.assign(axis, { dtick: 1, exponentformat: "power", minor: { ticks: "outside" } });
  }
}

/** Return the ends of what is near: no mark apart from the rest may take half of a linear axis.
 * Apart is what lies 1.5 times the middle half's width beyond the middle half (Tukey's fences). */
function nearby(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const quartile = (share) => {
    const [place, last] = [share * (sorted.length - 1), sorted.length - 1];
    const below = Math.floor(place);
    return sorted[below] + (place - below) * (sorted[Math.min(below + 1, last)] - sorted[below]);
  };
  const reach = 1.5 * (quartile(0.75) - quartile(0.25));
  const near = sorted.filter((value) =>
    value >= quartile(0.25) - reach && value <= quartile(0.75) + reach);
  const [all, kept] = [sorted, near].map((list) => [list[0], list[list.length - 1]]);
  return near.length && kept[1] - kept[0] < (all[1] - all[0]) / 2 ? kept : all;
}

/** Set a linear axis by the marks that are near; `bars` are the lengths of their error bars. */
function within(axis, values, bars) {
  if (!values.length || at("across").value !== "near") return;
  const [least, most] = nearby(values);
  const beyond = values.filter((value) => value < least || value > most).length;
  if (!beyond) return;
  const near = values.map((value, i) => [value, bars ? bars[i] : 0])
    .filter(([value]) => value >= least && value <= most);
  const low = Math.min(...near.map(([value, bar]) => value - bar));
  const high = Math.max(...near.map(([value, bar]) => value + bar));
  const room = 0.06 * (high - low) || 0.01;
  axis.range = [low - room, high + room];
  axis.title.text += ` (${grouped(beyond)} further off)`;
}

/** The drawing library, read once the page is there: reading it takes most of the time. */
const library = new Promise((resolve, reject) => {
  const script = document.createElement("script");
  // By an address of its own the text is read in the background.
  script.src = URL.createObjectURL(new Blob([at("plotly").textContent], { type: "text/javascript" }));
  script.addEventListener("load", () => resolve(window.Plotly));
  script.addEventListener("error", () => reject(new Error("The drawing library cannot be read.")));
  window.addEventListener("load", () => setTimeout(() => document.head.append(script)));
});

async function draw(id, data, shape, changes) {
  const plotly = await library;
  const bar = { displayModeBar: isNarrow() ? false : "hover" };
  return plotly.react(at(id), data, shape, Object.assign({}, CONFIG, bar, changes));
}
