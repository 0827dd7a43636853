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
  within(shape.yaxis, shown.map((point) => point.y));
  placeLegend(shape, marks.length + 1, 2);
  return draw("frontier", every ? [...marks, line] : [line, ...marks], shape);
}

/** Say what is missing where a picture has no mark. */
function sayIfEmpty(shape, marks, what) {
  if (marks.length) return;
  for (const axis of [shape.xaxis, shape.yaxis]) axis.visible = false;
  shape.annotations = [{ text: what, showarrow: false, xref: "paper", yref: "paper", x: 0.5, y: 0.5 }];
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
  within(shape.yaxis, points.map((point) => point.y), points.map((point) => point.sd || 0));
  placeLegend(shape, marks.length, 2);
  sayIfEmpty(shape, marks, "No strategy that has a certificate<br>of this task has this count.");
  return draw("dimension", marks, shape);
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
  fillTable("fits", family().rank.map((series) => [
    series.name, series.x.length,
    ...(series.line
      ? [series.line[0].toExponential(2), series.line[1].toFixed(4), series.line[2].toFixed(3)]
      : ["-", "-", "fewer than 3 models"]),
  ]));
  at("fits").closest(".scroll").hidden = !family().rank.length;
  const shape = layout("σ₁/σ₂ of the query-key table", "certified / true accuracy");
  within(shape.xaxis, family().rank.flatMap((series) => series.x));
  within(shape.yaxis, family().rank.flatMap((series) => series.y));
  placeLegend(shape, family().rank.length, 1);
  sayIfEmpty(shape, data, "No subcubic strategy has a certificate<br>of this task.");
  return draw("rank", data, shape);
}

/** Tell each cell the name of its column, which stands before it where rows become lists. */
function nameCells(table) {
  const names = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
  for (const row of table.tBodies[0].rows) {
    [...row.cells].forEach((cell, i) => { cell.dataset.column = names[i]; });
  }
  table.classList.add("named");
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
  nameCells(at(id));
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

async function drawStudy() {
  for (const picture of [drawFrontier, drawDimension, drawRank]) {
    await picture();
    // Let the reader scroll between two pictures.
    await new Promise((resolve) => { setTimeout(resolve); });
  }
}
