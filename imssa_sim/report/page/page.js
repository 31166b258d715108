"use strict";
(() => {
const all = (what, root = document) => [...root.querySelectorAll(what)];
const tip = document.getElementById("tip");
const place = (x, y) => {
  const box = tip.getBoundingClientRect();
  tip.style.left = Math.max(4, Math.min(x + 14, innerWidth - box.width - 6)) + "px";
  tip.style.top = (y + 18 + box.height > innerHeight ? y - box.height - 10 : y + 18) + "px";
};
const say = (node, x, y) => {
  tip.hidden = !node;
  if (node) { tip.textContent = node.dataset.tip; place(x, y); }
};
document.addEventListener("pointermove", e => say(e.target.closest("[data-tip]"), e.clientX, e.clientY));
document.addEventListener("focusin", e => {
  const node = e.target.closest("[data-tip]");
  if (!node) return say(null);
  const box = node.getBoundingClientRect();
  say(node, box.left + box.width / 2, box.top + box.height / 2);
});
document.addEventListener("focusout", () => say(null));
document.addEventListener("pointerleave", () => say(null));

const open = id => {
  const node = document.getElementById(id);
  if (!node) return;
  if (node.tagName === "DETAILS") {
    node.open = true;
    node.classList.add("lit");
    setTimeout(() => node.classList.remove("lit"), 2500);
    node.querySelector("summary").focus({preventScroll: true});
  }
  node.scrollIntoView({block: "start"});
};
document.addEventListener("click", e => {
  const node = e.target.closest("[data-goto]");
  if (node) open(node.dataset.goto);
});
document.addEventListener("keydown", e => {
  if (e.key === "Escape") say(null);
  const node = e.target.closest && e.target.closest("[data-goto]");
  if (node && (e.key === "Enter" || e.key === " ")) { e.preventDefault(); open(node.dataset.goto); }
});

for (const item of all("[data-legend]")) {
  const scope = item.closest("section");
  const light = on => {
    scope.classList.toggle("dim", on);
    for (const seg of all(".seg", scope))
      seg.classList.toggle("lit", on && seg.dataset.kind === item.dataset.legend);
  };
  item.addEventListener("pointerenter", () => light(true));
  item.addEventListener("pointerleave", () => light(false));
}

for (const field of all("[data-filter]")) {
  const rows = all("tbody tr, [data-row]", field.parentNode);
  const texts = rows.map(row => (row.querySelector("summary") || row).textContent.toLowerCase());
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    rows.forEach((row, n) => { row.hidden = !words.every(word => texts[n].includes(word)); });
  });
}

const prefixes = [[1, ""], [1e-3, "m"], [1e-6, "µ"], [1e-9, "n"], [1e-12, "p"]];
const seconds = t => {
  if (Math.abs(t) < 1e-15) return "0";
  const [size, sign] = prefixes.find(([s]) => Math.abs(t) >= s * 0.9999) || prefixes[4];
  return `${+(t / size).toPrecision(5)} ${sign}s`;
};
for (const zoom of all(".zoom")) {
  const end = +zoom.dataset.end, axis = zoom.querySelector(".time-axis"), plots = all(".lane-plot", zoom);
  const charts = plots.map(plot => plot.firstElementChild);
  const heights = charts.map(chart => chart.viewBox.baseVal.height);
  let from = 0, to = 1, asked = false;
  const draw = () => {
    asked = false;
    charts.forEach((c, n) => c.setAttribute("viewBox", `${1000 * from} 0 ${1000 * (to - from)} ${heights[n]}`));
    const span = (to - from) * end, rough = span / 6, power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find(f => power * f >= rough * 0.999999);
    axis.textContent = "";
    for (let k = Math.ceil(from * end / step - 1e-9); k * step <= to * end * (1 + 1e-12); k++) {
      const tick = document.createElement("span");
      tick.textContent = seconds(k * step);
      const place = 100 * (k * step - from * end) / span;
      tick.style.left = place + "%";
      tick.className = place < 3 ? "first" : place > 95 ? "last" : "";
      axis.append(tick);
    }
  };
  const show = (a, b) => {
    const width = Math.min(1, Math.max(2e-4, b - a));
    from = Math.min(Math.max(0, a), 1 - width); to = from + width;
    if (!asked) { asked = true; requestAnimationFrame(draw); }
  };
  const scale = (factor, at = 0.5) => {
    const middle = from + at * (to - from), width = (to - from) * factor;
    show(middle - at * width, middle + (1 - at) * width);
  };
  const shift = part => show(from + part * (to - from), to + part * (to - from));
  const acts = {in: () => scale(0.5), out: () => scale(2), left: () => shift(-0.25),
    right: () => shift(0.25), reset: () => show(0, 1)};
  for (const button of all("[data-zoom]", zoom))
    button.addEventListener("click", () => acts[button.dataset.zoom]());
  zoom.addEventListener("keydown", e => {
    const act = {"+": "in", "=": "in", "-": "out", ArrowLeft: "left", ArrowRight: "right", "0": "reset"}[e.key];
    if (act && !e.ctrlKey && !e.metaKey) { e.preventDefault(); acts[act](); }
  });
  for (const plot of plots) {
    plot.addEventListener("wheel", e => {
      if (!e.ctrlKey && !e.metaKey) return;
      e.preventDefault();
      const box = plot.getBoundingClientRect();
      scale(e.deltaY > 0 ? 1.25 : 0.8, (e.clientX - box.left) / box.width);
    }, {passive: false});
    let last = null;
    plot.addEventListener("pointerdown", e => { last = e.clientX; plot.setPointerCapture(e.pointerId); });
    plot.addEventListener("pointermove", e => {
      if (last === null) return;
      shift((last - e.clientX) / plot.clientWidth);
      last = e.clientX;
    });
    for (const name of ["pointerup", "pointercancel"]) plot.addEventListener(name, () => { last = null; });
    plot.addEventListener("dblclick", () => acts.reset());
  }
}

for (const chart of all(".parallel")) {
  const lines = all("path", chart), poles = all(".pole", chart), limits = poles.map(() => null);
  const values = lines.map(line => line.dataset.at.split(" ").map(Number));
  const points = all("[data-point]");
  const mark = (number, on) => {
    for (const node of [...lines, ...points])
      if ((node.dataset.line || node.dataset.point) === number) node.classList.toggle("lit", on);
  };
  const filter = () => lines.forEach((line, n) => {
    const out = limits.some((limit, axis) =>
      limit && !(values[n][axis] >= limit[0] && values[n][axis] <= limit[1]));
    line.classList.toggle("out", out);
    for (const p of points) if (p.dataset.point === line.dataset.line) p.classList.toggle("out", out);
  });
  for (const node of [...lines, ...points]) {
    const number = node.dataset.line || node.dataset.point;
    node.addEventListener("pointerenter", () => mark(number, true));
    node.addEventListener("pointerleave", () => mark(number, false));
  }
  poles.forEach((pole, axis) => {
    const band = document.createElement("em");
    let start = null;
    const at = e => {
      const box = pole.getBoundingClientRect();
      return Math.min(100, Math.max(0, 100 * (box.bottom - e.clientY) / box.height));
    };
    const set = (low, high) => {
      limits[axis] = high - low < 1.5 ? null : [low, high];
      if (limits[axis]) { band.style.bottom = low + "%"; band.style.height = high - low + "%"; pole.append(band); }
      else band.remove();
      filter();
    };
    pole.addEventListener("pointerdown", e => { start = at(e); pole.setPointerCapture(e.pointerId); e.preventDefault(); });
    pole.addEventListener("pointermove", e => {
      if (start !== null) set(Math.min(start, at(e)), Math.max(start, at(e)));
    });
    pole.addEventListener("pointerup", e => { set(Math.min(start, at(e)), Math.max(start, at(e))); start = null; });
  });
  const clear = document.querySelector("[data-clear]");
  if (clear) clear.addEventListener("click", () => {
    limits.fill(null);
    for (const band of all(".pole em", chart)) band.remove();
    filter();
  });
}

const here = new Map(all("nav a").map(link => [link.hash.slice(1), link]));
if ("IntersectionObserver" in window) {
  const watch = new IntersectionObserver(seen => {
    for (const part of seen) {
      const link = here.get(part.target.id);
      if (link) link.classList.toggle("here", part.isIntersecting);
    }
  }, {rootMargin: "-20% 0px -70% 0px"});
  for (const section of all("main section")) watch.observe(section);
}
let folded = [];
addEventListener("beforeprint", () => {
  folded = all("#provenance details:not([open])").slice(0, 12);
  for (const node of folded) node.open = true;
});
addEventListener("afterprint", () => { for (const node of folded) node.open = false; });
})();
