// The lead of the right answer by the two tokens that the task reads

/** Return a function that tells whether a bit of a packed mask is set, by row and column. */
function maskOf(packed, columns) {
  const bytes = Uint8Array.from(atob(packed), (character) => character.charCodeAt(0));
  return (row, column) => {
    const place = row * columns + column;
    return ((bytes[place >> 3] >> (7 - (place & 7))) & 1) === 1;
  };
}

/** Return the axis of the tokens at a position that is read. */
const tokensAt = (leads, which) => `${"ab"[which]}, the token at position ${leads.positions[which]}`;

function pairsWhere(leads, packed) {
  const { rows, columns } = leads.lead;
  const [marked, found] = [maskOf(packed, columns), { x: [], y: [] }];
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      if (!marked(row, column)) continue;
      found.y.push(row + leads.starts[0]);
      found.x.push(column + leads.starts[1]);
    }
  }
  return found;
}

function leadMap(leads) {
  const { rows, columns } = leads.lead;
  const unknown = maskOf(leads.unknown, columns);
  const count = (length, start) => Array.from({ length }, (_, i) => i + start);
  return { type: "heatmap", colorscale: "Cividis", zmin: leads.lead.min, zmax: leads.lead.max,
    x: count(columns, leads.starts[1]), y: count(rows, leads.starts[0]),
    z: levels(leads.lead).map((line, row) =>
      line.map((value, column) => (unknown(row, column) ? null : value))),
    showlegend: false, colorbar: { thickness: 10, len: 1 },
    hovertemplate: "a %{y}, b %{x}: lead %{z:.4g}<extra></extra>" };
}

function marksOf(leads, packed, label, marker) {
  const place = 0.55 * at("leads").clientWidth / Math.max(leads.lead.rows, leads.lead.columns);
  const size = Math.max(3, Math.min(11, place));
  return { type: "scatter", mode: "markers", name: label, showlegend: true,
    ...pairsWhere(leads, packed), marker: { size, ...marker },
    hovertemplate: `a %{y}, b %{x}: ${label}<extra></extra>` };
}

function drawLeads(leads) {
  const shape = layout(tokensAt(leads, 1), tokensAt(leads, 0));
  const [wrong, open] = leads.counts;
  const data = [leadMap(leads)];
  const line = { color: "#ffffff", width: 1 };
  if (wrong) data.push(marksOf(leads, leads.wrong, "wrong", { symbol: "x", color: "#e0001b", line }));
  if (open) {
    data.push(marksOf(leads, leads.open, "not decided", { symbol: "circle", color: "#0072b2", line }));
  }
  shape.legend = { orientation: "h", y: 1.01, yanchor: "bottom", x: 0, itemsizing: "constant" };
  shape.margin.t = data.length > 1 ? 40 : 10;
  const [first, second] = leads.starts;
  shape.xaxis.range = [second - 0.5, second + leads.lead.columns - 0.5];
  shape.yaxis.range = [first + leads.lead.rows - 0.5, first - 0.5];
  for (const [axis, tokens] of [[shape.xaxis, leads.lead.columns], [shape.yaxis, leads.lead.rows]]) {
    axis.showgrid = false;
    if (tokens <= 20 && !isNarrow()) axis.dtick = 1;
  }
  draw("leads", data, shape, { displayModeBar: false });
}

function leadWords(leads) {
  const [wrong, open, pairs] = leads.counts.map(grouped);
  const least = `The least lead is ${leads.lead.min.toPrecision(4)}.`;
  const undecided = leads.counts[1] ? `, and ${open} are too close to the margin to be decided` : "";
  return leads.counts[0]
    ? `The model is wrong on ${wrong} of ${pairs} pairs${undecided}. ${least}`
    : `The model is wrong on none of ${pairs} pairs${undecided}. ${least}`;
}

function showLeads(leads) {
  at("one-leads").hidden = !leads;
  if (!leads) return;
  drawLeads(leads);
  at("leads-words").textContent = leadWords(leads);
  const { listed, counts: [wrong, open] } = leads;
  at("leads-wrong").parentElement.hidden = !listed.length;
  const rest = wrong + open - listed.length;
  at("leads-wrong").caption.textContent = `Wrong${open ? " and undecided" : ""} pairs, the least ` +
    `leads first${rest ? `; ${grouped(rest)} more are marked in the picture` : ""}`;
  fillTable("leads-wrong", listed.map(([a, b, label, lead]) =>
    [`${a}, ${b}`, label, lead === null ? "the label is no answer" : lead]));
}
