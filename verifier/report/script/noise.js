// Noise that adds up: ratios factor by factor, and what each handling proves.

function lineOf(name, i, x, y, more) {
  return Object.assign({ type: "scatter", name: plain(name), x, y,
    marker: { size: 9, color: COLOURS[i + 1], symbol: SHAPES[i + 1] },
    line: { color: COLOURS[i + 1], width: 1.5 } }, more);
}

const bars = (deviations, i) => ({ type: "data", array: deviations, thickness: 1, width: 2,
  color: COLOURS[i + 1] });

function drawFactors(one, place) {
  const data = Object.entries(one.products).map(([name, ratios], i) => lineOf(name, i,
    one.factors, ratios, { mode: "lines+markers", hovertemplate: "%{x}<br>%{y:.2f}",
      // What is not measured is hollow: all three may lie on each other.
      ...(i ? { marker: { size: 10 + 4 * i, color: COLOURS[i + 1], symbol: SHAPES[i + 1] + "-open" },
        line: { color: COLOURS[i + 1], width: 1.5, dash: "dot" } }
        : { error_y: bars(one.deviations, i) }) }));
  const shape = layout("product", "bound over true range");
  Object.assign(shape.yaxis, { type: "log" }, ticks(1, Math.max(...data.flatMap((t) => t.y))));
  shape.yaxis.range = [-0.05, Math.log10(1.3 * Math.max(...data.flatMap((t) => t.y)))];
  placeLegend(shape, data.length, 1);
  return draw(`noise-factors-${place}`, data, shape);
}

function drawCosts(one, place) {
  const data = Object.entries(one.costs).map(([path, costs], i) => lineOf(path, i,
    costs.map((cost) => cost[1]), costs.map((cost) => cost[2]), { mode: "markers",
      text: costs.map((cost) => `<b>${plain(cost[0])}</b><br>ratio ${cost[1]}<br>normalised ` +
        `${floored(cost[2])}${cost[3] === null ? "" : " ± " + cost[3]}`),
      hovertemplate: "%{text}<extra></extra>",
      error_y: bars(costs.map((cost) => cost[3] || 0), i) }));
  const shape = layout("bound over true range", "certified / true accuracy");
  const every = data.flatMap((trace) => trace.x);
  if (every.length) {
    const [least, most] = [Math.min(...every), Math.max(...every)];
    Object.assign(shape.xaxis, { type: "log" }, ticks(least, most));
    shape.xaxis.range = [Math.log10(least / 1.15), Math.log10(most * 1.15)];
  }
  placeLegend(shape, data.length, 2);
  sayIfEmpty(shape, every, "No strategy of the study has a certificate.");
  return draw(`noise-costs-${place}`, data, shape);
}

async function drawNoise() {
  for (const [place, one] of study.noise.entries()) {
    await drawFactors(one, place);
    await drawCosts(one, place);
  }
}
