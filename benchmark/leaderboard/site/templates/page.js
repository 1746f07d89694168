"use strict";
// DataTables comes inside itables' module. Pages opened from disk may not import a module by its address, so it is handed over as
// text; without it, or without scripts at all, the tables are there as they stand in the page.
const bytes = (text) => Uint8Array.from(atob(text), (one) => one.charCodeAt(0));

async function sortable() {
  const style = document.createElement("style");
  style.textContent = new TextDecoder().decode(bytes(window.itablesStyle));
  document.head.prepend(style);
  const address = URL.createObjectURL(new Blob([bytes(window.itablesCode)], { type: "application/javascript" }));
  const { jQuery } = await import(address);
  URL.revokeObjectURL(address);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const follow = () => document.documentElement.classList.toggle("dark", dark.matches);
  dark.addEventListener("change", follow);
  follow();
  jQuery("table.board").DataTable({
    paging: false,
    info: false,
    order: [],
    autoWidth: false,
    layout: { topStart: "search", topEnd: null, bottomStart: null, bottomEnd: null },
    language: { search: "Search: " },
  });
  document.body.dataset.ready = "yes";
}

// A line that stays in the background comes forward, in its own colour, while it is pointed at, and the interval of one in colour
// grows dark.
function highlight(plot) {
  const paint = (index, colour, width) =>
    Plotly.restyle(plot, { "line.color": colour, "line.width": width, "marker.color": colour }, [index]);
  const shade = (name, state) => {
    const band = plot.data.findIndex((trace) => trace.fill && trace.name === name);
    if (band >= 0) Plotly.restyle(plot, { opacity: plot.data[band].meta[state] }, [band]);
  };
  plot.on("plotly_hover", ({ points: [{ curveNumber, data }] }) =>
    data.meta ? paint(curveNumber, data.meta[0], 4) : shade(data.name, 0));
  plot.on("plotly_unhover", ({ points: [{ curveNumber, data }] }) =>
    data.meta ? paint(curveNumber, data.meta[1], 2) : shade(data.name, 1));
}

async function copy(button) {
  const code = button.parentElement.querySelector("code");
  try {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(code);
    button.textContent = "Ctrl+C";
  }
}

// A plot measures its place while the page is still being laid out.
addEventListener("load", () => {
  dispatchEvent(new Event("resize"));
  document.querySelectorAll(".plotly-graph-div").forEach(highlight);
});
document.querySelectorAll(".copy").forEach((button) => button.addEventListener("click", () => copy(button)));
sortable();
