"use strict";
(function () {
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

  function draw(id, data, shape, changes) {
    const bar = { displayModeBar: isNarrow() ? false : "hover" };
    return Plotly.react(at(id), data, shape, Object.assign({}, CONFIG, bar, changes));
  }

  // The three pictures of the study

  const family = () => study.families[Number(at("family").value)];

  function meanPoints() {
    return family().means.map(([s, count, operations, bound, boundSd, , , ]) => ({
      s, x: operations, y: bound,
      text: `<b>${plain(name(s))}</b><br>${plain(group(s))}, ${count} models<br>` +
        `bound ${floored(bound)}${boundSd === null ? "" : " ± " + boundSd}` +
        `<br>${grouped(Math.round(operations))} operations`,
    }));
  }

  function modelPoints(model) {
    const rows = model.rows;
    return rows.strategy.map((s, i) => ({
      s, x: Number(rows.operations[i]), y: Number(rows.at_least[i]) / Number(model.total),
      text: `<b>${plain(name(s))}</b><br>${plain(model.name)}<br>` +
        `bound ${down(rows.at_least[i], model.total, 5)}<br>${grouped(rows.operations[i])} operations`,
    }));
  }

  function membersOf(one) {
    return study.models.slice(one.models[0], one.models[1]);
  }

  function frontierTrace(points, order) {
    const best = order.map((i) => points[i]);
    return { type: "scatter", mode: "lines", name: "frontier", hoverinfo: "skip",
      x: best.map((p) => p.x), y: best.map((p) => p.y),
      line: { color: "#888888", width: 2, shape: "hv" } };
  }

  function hasWebGL() {
    try {
      return Boolean(document.createElement("canvas").getContext("webgl2"));
    } catch (error) {
      return false;
    }
  }

  function drawFrontier() {
    const view = at("view").value;
    const every = view === "every";
    const means = view === "means" || every;
    const model = study.models[Number(view)];
    const points = means ? meanPoints() : modelPoints(model);
    const shown = every ? membersOf(family()).flatMap(modelPoints) : points;
    const line = frontierTrace(points, means ? family().frontier : model.frontier);
    if (every) line.name = "frontier of the means";
    const type = every && hasWebGL() ? "scattergl" : "scatter";
    const marks = traces(shown, type, every ? 4 : 9, every ? 0.35 : 0.85);
    const shape = layout("operations", "certified accuracy");
    across(shape.xaxis, shown.map((point) => point.x));
    placeLegend(shape, marks.length + 1, 2);
    draw("frontier", every ? [...marks, line] : [line, ...marks], shape);
  }

  function drawDimension() {
    const points = family().means.filter((mean) => mean[5] !== null && mean[7] !== null)
      .map(([s, count, , , , share, sd, dimension]) => ({
        s, x: dimension, y: share, sd,
        text: `<b>${plain(name(s))}</b><br>${plain(group(s))}, ${count} models<br>` +
          `normalised ${floored(share)}${sd === null ? "" : " ± " + sd}` +
          `<br>unexplained dimension ${grouped(dimension)}`,
      }));
    const marks = traces(points, "scatter", 8, 0.85);
    const shape = layout("unexplained dimension", "certified / true accuracy");
    across(shape.xaxis, points.map((point) => point.x));
    placeLegend(shape, marks.length, 2);
    draw("dimension", marks, shape);
  }

  function drawRank() {
    const data = [];
    family().rank.forEach((series, i) => {
      const marker = { size: 6, opacity: 0.75, color: COLOURS[i % 10], symbol: SHAPES[i % 10] };
      data.push({ type: "scatter", mode: "markers", name: series.name, legendgroup: series.name,
        x: series.x, y: series.y, marker,
        text: series.models.map((model, k) => `<b>${plain(model)}</b><br>${series.name}<br>` +
          `σ₁/σ₂ ${series.x[k]}<br>normalised ${floored(series.y[k])}`),
        hovertemplate: "%{text}<extra></extra>" });
      if (series.line) {
        const ends = [Math.min(...series.x), Math.max(...series.x)];
        data.push({ type: "scatter", mode: "lines", legendgroup: series.name, showlegend: false,
          hoverinfo: "skip", x: ends, y: ends.map((x) => series.line[1] + series.line[0] * x),
          line: { color: marker.color, width: 1.5 } });
      }
    });
    const shape = layout("σ₁/σ₂ of the query-key table", "certified / true accuracy");
    placeLegend(shape, family().rank.length, 1);
    draw("rank", data, shape);
    fillTable("fits", family().rank.map((series) => [
      series.name, series.x.length,
      ...(series.line
        ? [series.line[0].toExponential(2), series.line[1].toFixed(4), series.line[2].toFixed(3)]
        : ["-", "-", "fewer than 3 models"]),
    ]));
  }

  /** Fill a table's body; cells are text, never markup. The first of a row is its header. */
  function fillTable(id, rows) {
    const body = at(id).tBodies[0];
    body.replaceChildren(...rows.map((cells) => {
      const row = document.createElement("tr");
      cells.forEach((text, i) => {
        const cell = document.createElement(i ? "td" : "th");
        if (!i) cell.scope = "row";
        cell.textContent = text;
        row.append(cell);
      });
      return row;
    }));
  }

  function option(value, text) {
    const one = document.createElement("option");
    one.value = value;
    one.textContent = text;
    return one;
  }

  function fillViews() {
    const one = family();
    at("view").replaceChildren(option("means", "the mean of each strategy"),
      option("every", "every certificate"),
      ...membersOf(one).map((model, i) => option(one.models[0] + i, model.name)));
  }

  function drawStudy() {
    drawFrontier();
    drawDimension();
    drawRank();
  }

  // One model

  function levels(packed) {
    const bytes = Uint8Array.from(atob(packed.data), (character) => character.charCodeAt(0));
    const step = (packed.max - packed.min) / 255;
    return Array.from({ length: packed.rows }, (_, row) =>
      Array.from(bytes.subarray(row * packed.columns, (row + 1) * packed.columns),
        (level) => packed.min + step * level));
  }

  const AXES = { D: ["logit", "query token"], V: ["logit", "attended token"],
    S: ["key token", "query token"], P: ["logit", "position"], R: ["position", "query token"] };

  function drawMap(which, packed) {
    const values = levels(packed);
    const signed = "DVP".includes(which);
    const reach = Math.max(Math.abs(packed.min), Math.abs(packed.max)) || 1;
    const [toRight, downward] = AXES[which];
    const trace = { type: "heatmap", z: values, colorbar: { thickness: 10, len: 1 },
      hovertemplate: `${downward} %{y}, ${toRight} %{x}: %{z:.4g}<extra></extra>` };
    if (signed) {
      const colorscale = [[0, "#2166ac"], [0.5, "#f7f7f7"], [1, "#b2182b"]];
      Object.assign(trace, { colorscale, zmin: -reach, zmax: reach });
    } else {
      trace.colorscale = "Cividis";
    }
    const shape = layout(toRight, downward);
    shape.margin.t = 10;
    shape.yaxis.autorange = "reversed";
    for (const [axis, count] of [[shape.xaxis, packed.columns], [shape.yaxis, packed.rows]]) {
      axis.showgrid = false;
      if (count <= 20) axis.dtick = 1;
    }
    draw("map-" + which, [trace], shape, { displayModeBar: false });
  }

  function drawLost(id, title, lost, wrong) {
    const data = [];
    const add = (counts, label, colour, symbol) => data.push({
      type: "scatter", mode: "lines+markers", name: label, x: counts.map((_, i) => i),
      y: counts.map((count) => count || null),
      marker: { color: colour, symbol, size: 6 }, line: { color: colour, width: 1 },
      hovertemplate: "%{x}: %{y:,} inputs<extra></extra>" });
    if (lost) add(lost, "not certified", "#d55e00", "circle");
    if (wrong) add(wrong, "truly wrong", "#0072b2", "square");
    const shape = layout(title, "inputs");
    shape.showlegend = true;
    shape.legend = { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 };
    shape.margin.t = 40;
    const last = Math.max(...data.map((trace) => trace.y.findLastIndex((count) => count !== null)));
    shape.xaxis.range = [-0.7, last + 0.7];
    Object.assign(shape.yaxis, { type: "log", exponentformat: "power" });
    draw(id, data, shape, { displayModeBar: false });
  }

  function truthWords(model) {
    if (!model.truth) return "unknown";
    const [a, b] = model.truth;
    if (!model.exact) return `≈ ${down(a, b, 5)}, estimated from ${grouped(model.samples)} random inputs`;
    const right = (BigInt(a) * BigInt(model.total)) / BigInt(b);
    return `${grouped(right)} of ${grouped(model.total)} inputs (${down(a, b, 5)}), proven exactly`;
  }

  function facts(model) {
    const [v, k, d, h] = model.sizes;
    return [["sizes", `${v} tokens, context ${k}, width ${d}, head width ${h}`],
      ["inputs", grouped(model.total)], ["true accuracy", truthWords(model)],
      ["σ₁/σ₂ of the query-key table", model.ratio === null ? "unknown" : String(model.ratio)],
      ["SHA-256 of the weights", model.sha256]];
  }

  function lostWords(lost, wrong) {
    const parts = [];
    if (lost) {
      parts.push(`${lost.strategy} is the best subcubic certificate. By its witness it leaves ` +
        `${grouped(lost.total)} inputs uncertified`);
      if (lost.elsewhere !== "0") {
        parts.push(` (${grouped(lost.elsewhere)} more are lost that the pictures do not show: ` +
          "inputs that hold the maximum alone, or classes that the count does not confirm)");
      }
      parts.push(". ");
    } else {
      parts.push("There is no subcubic certificate of this model. ");
    }
    parts.push(wrong ? `The model is truly wrong on ${grouped(wrong.total)}.`
      : "It has too many inputs to list those on which it is wrong, or was not looked at.");
    return parts.join("");
  }

  function normalised(model, atLeast) {
    if (!model.truth || model.truth[0] === "0") return "-";
    const share = down(BigInt(atLeast) * BigInt(model.truth[1]),
      BigInt(model.total) * BigInt(model.truth[0]), 5);
    return model.exact ? share : `≈ ${share}`;
  }

  function resultRows(model) {
    const rows = model.rows;
    const best = new Set(model.frontier);
    const proven = rows.strategy.map((s, i) => [name(s), group(s), "VERIFIED",
      down(rows.at_least[i], model.total, 5), normalised(model, rows.at_least[i]),
      grouped(rows.operations[i]), best.has(i) ? "yes" : "",
      rows.dimension[i] === null ? "-" : grouped(rows.dimension[i]),
      seconds(rows.prove[i]), seconds(rows.check[i]), grouped(rows.at_least[i]),
      grouped(BigInt(model.total) - BigInt(rows.below_all[i])), rows.notes[i] || ""]);
    const unproven = model.unproven.map(([s, verdict, reason]) =>
      [name(s), group(s), verdict, ...Array(9).fill("-"), study.reasons[reason]]);
    return [...proven, ...unproven];
  }

  function showModel(index) {
    const model = study.models[index];
    if (!model) {
      at("one").hidden = true;
      return;
    }
    pictures = pictures || JSON.parse(at("picture-data").textContent);
    const { portrait, lost } = pictures[index];
    const wrong = portrait && portrait.wrong;
    at("one").hidden = false;
    at("one-name").textContent = model.name;
    at("one-facts").replaceChildren(...facts(model).flatMap(([term, text]) => {
      const [dt, dd] = [document.createElement("dt"), document.createElement("dd")];
      dt.textContent = term;
      dd.textContent = text;
      return [dt, dd];
    }));
    for (const which of Object.keys(AXES)) {
      at("map-" + which).parentElement.hidden = !(portrait && portrait.tables);
      if (portrait && portrait.tables) drawMap(which, portrait.tables[which]);
    }
    at("lost-words").textContent = lostWords(lost, wrong);
    for (const [id, key, title] of [["lost-gap", "by_gap", "gap (0: no other token)"],
      ["lost-maximum", "by_maximum", "maximum"], ["lost-query", "by_query", "last token, the query"]]) {
      at(id).parentElement.hidden = !lost && !wrong;
      if (lost || wrong) drawLost(id, title, lost && lost[key], wrong && wrong[key]);
    }
    fillTable("one-rows", resultRows(model));
  }

  function fillModels() {
    for (const one of study.families) {
      const label = document.createElement("optgroup");
      label.label = one.label;
      label.append(...membersOf(one).map((model, i) => option(one.models[0] + i, model.name)));
      at("model").append(label);
    }
  }

  // Theme and print

  function isDark() {
    const { theme } = document.documentElement.dataset;
    return theme ? theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  }

  at("theme").addEventListener("click", () => {
    document.documentElement.dataset.theme = isDark() ? "light" : "dark";
    at("theme").setAttribute("aria-pressed", String(isDark()));
  });

  const PAPER = 660;
  const chosen = (id) => at(id).selectedOptions[0].textContent;
  const drawn = () => [...document.querySelectorAll(".js-plotly-plot")]
    .filter((plot) => plot.offsetParent !== null);
  window.addEventListener("beforeprint", () => {
    if (study.families.length) {
      at("shown").textContent = `Shown: ${chosen("family")}; ${chosen("view")}; ${chosen("across")}.`;
    }
    for (const plot of drawn()) {
      const width = plot.classList.contains("map") ? PAPER / 2 - 20 : PAPER;
      Plotly.relayout(plot, { width, height: Math.min(plot.clientHeight, 460) });
    }
  });
  window.addEventListener("afterprint", () => {
    for (const plot of drawn()) Plotly.relayout(plot, { width: null, height: null, autosize: true });
  });

  at("family").addEventListener("change", () => { fillViews(); drawStudy(); });
  at("view").addEventListener("change", drawFrontier);
  at("across").addEventListener("change", () => { drawFrontier(); drawDimension(); });
  at("model").addEventListener("change", () => {
    showModel(at("model").value === "" ? -1 : Number(at("model").value));
  });
  fillModels();
  if (study.families.length) {
    fillViews();
    drawStudy();
  }
})();
