// One model: the first, until another is chosen

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
  if (last <= 20) shape.xaxis.dtick = 1;
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

/** Write the sizes: a portrait states those that its architecture has. */
function sizeWords(model, portrait) {
  const [v, k, d, h] = model.sizes;
  if (!portrait || !portrait.sizes) return `${v} tokens, context ${k}, width ${d}, head width ${h}`;
  const sizes = portrait.sizes;
  const words = [[sizes.d_vocab, "tokens"], [sizes.d_vocab_out, "logits"], ["context", sizes.n_ctx],
    ["width", sizes.d_model], [sizes.n_heads, "heads"], ["head width", sizes.d_head],
    [sizes.d_mlp, "neurons"]];
  return words.filter((pair) => !pair.includes(undefined) && !pair.includes(0))
    .map((pair) => pair.join(" ")).join(", ");
}

function facts(model, portrait) {
  const ratio = model.ratio === null ? "unknown" : String(model.ratio);
  return [
    ...(portrait && portrait.architecture ? [["architecture", portrait.architecture]] : []),
    ["sizes", sizeWords(model, portrait)],
    ["inputs", grouped(model.total)], ["true accuracy", truthWords(model)],
    ...(portrait && !portrait.tables ? [] : [["σ₁/σ₂ of the query-key table", ratio]]),
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
  pictures = pictures || JSON.parse(at("picture-data").textContent);
  const { portrait, lost } = pictures[index];
  const wrong = portrait && portrait.wrong;
  at("one").hidden = false;
  at("one-name").textContent = model.name;
  at("one-facts").replaceChildren(...facts(model, portrait).flatMap(([term, text]) => {
    const [dt, dd] = [document.createElement("dt"), document.createElement("dd")];
    dt.textContent = term;
    dd.textContent = text;
    return [dt, dd];
  }));
  showLeads(portrait && portrait.leads);
  const tables = portrait && portrait.tables;
  at("one-tables").hidden = !tables;
  for (const which of tables ? Object.keys(AXES) : []) drawMap(which, tables[which]);
  at("one-lost").hidden = !lost && !wrong && Boolean(portrait && portrait.leads);
  at("lost-words").textContent = lostWords(lost, wrong);
  for (const [id, key, title] of [["lost-gap", "by_gap", "gap (0: no other token)"],
    ["lost-maximum", "by_maximum", "maximum"], ["lost-query", "by_query", "last token, the query"]]) {
    at(id).parentElement.hidden = !lost && !wrong;
    if (lost || wrong) drawLost(id, title, lost && lost[key], wrong && wrong[key]);
  }
  fillTable("one-rows", resultRows(model));
}
