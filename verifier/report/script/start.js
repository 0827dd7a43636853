// The choices, the theme, printing, and the first drawing.

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

document.querySelectorAll("table").forEach(nameCells);
if (study.families.length) {
  at("family").addEventListener("change", () => { fillViews(); drawStudy(); });
  at("view").addEventListener("change", drawFrontier);
  at("across").addEventListener("change", drawStudy);
  at("model").addEventListener("change", () => showModel(Number(at("model").value)));
  fillModels();
  fillViews();
  drawStudy().then(drawNoise).then(() => {
    // Later than the study: its tables are large.
    showModel(Number(at("model").value));
    document.documentElement.dataset.drawn = "yes";
  });
} else {
  document.documentElement.dataset.drawn = "yes";
}
