"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const said = document.getElementById("said");
  const say = (text) => { said.textContent = text; setTimeout(() => { if (said.textContent === text) said.textContent = ""; }, 2500); };

  // light and dark
  const theme = document.getElementById("theme");
  const isDark = () => (document.documentElement.dataset.theme ||
    (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const label = () => { theme.textContent = isDark() ? "Light" : "Dark"; theme.setAttribute("aria-pressed", String(isDark())); };
  theme.addEventListener("click", () => { document.documentElement.dataset.theme = isDark() ? "light" : "dark"; label(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", label);
  label();

  // tables that sort
  const worth = (row, column) => {
    const cell = row.cells[column];
    const text = (cell.dataset.value ?? cell.innerText).trim();
    const number = parseFloat(text);
    return Number.isNaN(number) ? [1, text] : [0, number];
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const up = head.getAttribute("aria-sort") !== "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const body = table.tBodies[0];
        const rows = [...body.rows].sort((a, b) => {
          const [kindA, valueA] = worth(a, column), [kindB, valueB] = worth(b, column);
          const order = kindA - kindB || (kindA ? valueA.localeCompare(valueB) : valueA - valueB);
          return up ? order : -order;
        });
        body.append(...rows);
      });
    });
  }

  // copying
  const copy = async (text, what) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    say(`${what} copied`);
  };
  const bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const inflated = (text) =>
    new Response(new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream("deflate"))).text();
  for (const button of document.querySelectorAll("button.copy"))
    button.addEventListener("click", () => copy(button.dataset.copy, "Command"));
  for (const button of document.querySelectorAll("button.csv"))
    button.addEventListener("click", async () => copy(await inflated(data.csv[button.dataset.csv]), "Data"));

  // saving
  const save = (parts, kind, name) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob(parts, { type: kind }));
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    say(`${name} saved`);
  };
  for (const button of document.querySelectorAll("button.save"))
    button.addEventListener("click", async () => {
      const { save: what, name, csv } = button.dataset, figure = button.closest("figure");
      if (what === "csv") return save([await inflated(data.csv[csv])], "text/csv", name);
      if (what === "pdf") return save([bytesOf(data.pdf[figure.id])], "application/pdf", name);
      const [head, text] = figure.querySelector("img").src.split(",");
      return save([bytesOf(text)], head.slice(5).split(";")[0], name);
    });

  // players
  const NOTHING = 65535;
  const unpack = (text, scale, shift = 0) => {
    const steps = new Uint16Array(bytesOf(text).buffer);
    return Float32Array.from(steps, (s) => (s === NOTHING ? NaN : shift + (s / (NOTHING - 1)) * scale));
  };
  const svgOf = (name, attributes = {}, text = "") => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text) made.textContent = text;
    return made;
  };
  const elementOf = (name, attributes = {}, text = "") => {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text) made.textContent = text;
    return made;
  };
  const WIDTH = 480, HEIGHT = 320, LEFT = 52, BOTTOM = 44, RIGHT = 14, TOP = 12;

  const controls = (player, count, describe, draw, cases, pause = 60) => {
    const bar = elementOf("div", { class: "controls" });
    const play = elementOf("button", { type: "button", class: "play" }, "Play");
    const slider = elementOf("input", { type: "range", min: 0, max: count() - 1, value: 0, step: 1 });
    const output = elementOf("output");
    let timer = 0;
    const show = () => {
      const at = Number(slider.value);
      output.textContent = describe(at);
      slider.setAttribute("aria-valuetext", describe(at));
      draw(at);
    };
    const stop = () => { clearInterval(timer); timer = 0; play.textContent = "Play"; };
    const start = () => {
      if (Number(slider.value) >= Number(slider.max)) slider.value = 0;
      play.textContent = "Pause";
      timer = setInterval(() => {
        if (Number(slider.value) >= Number(slider.max)) { stop(); return; }
        slider.value = Number(slider.value) + 1;
        show();
      }, pause);
    };
    const turn = () => (timer ? stop() : start());
    play.addEventListener("click", turn);
    slider.addEventListener("input", show);
    slider.addEventListener("keydown", (event) => { if (event.key === " ") { event.preventDefault(); turn(); } });
    slider.setAttribute("aria-label", `${count.name === "sizes" ? "Size" : "Time"} of ${player.querySelector("h3").textContent}`);
    if (cases.length > 1) {
      const choice = elementOf("select", { "aria-label": "Case" });
      cases.forEach((one, k) => choice.append(elementOf("option", { value: k }, one.title)));
      choice.addEventListener("change", () => { player.chosen = Number(choice.value); slider.max = count() - 1; show(); });
      bar.append(choice);
    }
    bar.append(play, slider, output);
    player.append(bar);
    slider.value = slider.max;
    return show;
  };

  const axes = (svg, x, y, xLabel, yLabel, xTop, yTop) => {
    svg.append(svgOf("path", { class: "axis", fill: "none", d: `M${LEFT},${TOP}V${HEIGHT - BOTTOM}H${WIDTH - RIGHT}` }));
    const step = (top) => [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10].find((s) => top / s <= 6) || 20;
    for (let v = 0; v <= xTop * 1.0001; v += step(xTop))
      svg.append(svgOf("text", { x: x(v), y: HEIGHT - BOTTOM + 16, "text-anchor": "middle" }, String(+v.toFixed(2))));
    for (let v = 0; v <= yTop * 1.0001; v += step(yTop))
      svg.append(svgOf("text", { x: LEFT - 6, y: y(v) + 4, "text-anchor": "end" }, String(+v.toFixed(2))));
    svg.append(svgOf("text", { x: (LEFT + WIDTH) / 2, y: HEIGHT - 8, "text-anchor": "middle" }, xLabel));
    svg.append(svgOf("text", { x: 14, y: (HEIGHT - BOTTOM) / 2, "text-anchor": "middle", transform: `rotate(-90 14 ${(HEIGHT - BOTTOM) / 2})` }, yLabel));
  };

  const wideAll = Math.max(0, ...data.planes.map((p) => p.wide)), topAll = Math.max(0, ...data.planes.map((p) => p.top));
  const plane = (player, of) => {
    const x = (v) => LEFT + (v / wideAll) * (WIDTH - LEFT - RIGHT) * 0.985;
    const y = (v) => HEIGHT - BOTTOM - (v / (topAll * 1.06)) * (HEIGHT - BOTTOM - TOP);
    const svg = svgOf("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": "Layers on the information plane at the chosen epoch" });
    axes(svg, x, y, "information about the input I(X;T) (bits)", "about the label I(T;Y) (bits)", wideAll, topAll);
    const bound = svgOf("path", { class: "bound" });
    const shuffled = svgOf("g"), points = svgOf("g");
    svg.append(bound, shuffled, points);
    player.append(svg);
    const tip = elementOf("p", { class: "tip" }, "");
    player.chosen = 0;
    const cases = of.cases.map((one) => ({ ...one, read: null }));
    const read = () => {
      const one = cases[player.chosen];
      one.read ??= { x: unpack(one.x, of.wide), y: unpack(one.y, of.top), nullX: unpack(one.nullX, of.wide), nullY: unpack(one.nullY, of.top) };
      return one;
    };
    const layers = of.layers.length;
    let drawn = [];
    const draw = (at) => {
      const one = read(), count = one.replicas.length * layers;
      bound.setAttribute("d", "M" + one.bound.map(([a, b]) => `${x(a).toFixed(1)},${y(b).toFixed(1)}`).join("L"));
      while (points.childNodes.length < count) points.append(svgOf("circle", { r: 3.2, "fill-opacity": 0.75 }));
      while (points.childNodes.length > count) points.lastChild.remove();
      drawn = [];
      for (let k = 0; k < count; k++) {
        const px = one.read.x[at * count + k], py = one.read.y[at * count + k], circle = points.childNodes[k];
        if (Number.isNaN(px) || Number.isNaN(py)) { circle.setAttribute("visibility", "hidden"); continue; }
        circle.removeAttribute("visibility");
        circle.setAttribute("cx", x(px).toFixed(1));
        circle.setAttribute("cy", y(py).toFixed(1));
        circle.setAttribute("fill", of.colours[k % layers]);
        drawn.push({ px: x(px), py: y(py), layer: of.layers[k % layers], replica: one.replicas[Math.floor(k / layers)], vx: px, vy: py });
      }
      shuffled.replaceChildren(...of.layers.flatMap((_, k) => {
        const nx = one.read.nullX[at * layers + k], ny = one.read.nullY[at * layers + k];
        if (Number.isNaN(nx) || Number.isNaN(ny)) return [];
        const a = x(nx), b = y(ny);
        return [svgOf("path", { class: "null", d: `M${a - 4},${b - 4}L${a + 4},${b + 4}M${a - 4},${b + 4}L${a + 4},${b - 4}` })];
      }));
    };
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect(), scale = WIDTH / box.width;
      const px = (event.clientX - box.left) * scale, py = (event.clientY - box.top) * scale;
      let best = null, near = 12;
      for (const p of drawn) { const d = Math.hypot(p.px - px, p.py - py); if (d < near) { near = d; best = p; } }
      tip.textContent = best ? `layer ${best.layer}, network ${best.replica}: I(X;T) ${best.vx.toFixed(2)}, I(T;Y) ${best.vy.toFixed(3)} bits` : "";
    });
    const show = controls(player, () => cases[player.chosen].epochs.length, (at) => `epoch ${cases[player.chosen].epochs[at]}`, draw, cases);
    const key = elementOf("ul", { class: "key" });
    of.layers.forEach((n, k) => {
      const item = elementOf("li", {}, `layer ${n}${k === layers - 1 ? " (output)" : ""}`);
      const dot = elementOf("span");
      dot.style.background = of.colours[k];
      item.prepend(dot);
      key.append(item);
    });
    player.append(tip, key);
    show();
  };

  const cloud = (player, of) => {
    const svg = svgOf("svg", { viewBox: `0 0 ${WIDTH} 260`, role: "img", "aria-label": "Paths of weights and of random walks in two principal components" });
    const half = WIDTH / 2, size = half - 24;
    const left = svgOf("g"), right = svgOf("g");
    svg.append(left, right);
    const x = (v, side) => side * half + half / 2 + (v * size) / 2, y = (v) => 140 - v * 100;
    const titles = [svgOf("text", { x: half / 2, y: 16, "text-anchor": "middle" }), svgOf("text", { x: half * 1.5, y: 16, "text-anchor": "middle" })];
    const below = [0, 1].map((side) => svgOf("text", { x: half * (side + 0.5), y: 256, "text-anchor": "middle" }, "first component; upwards: second"));
    svg.append(...titles, ...below);
    player.append(svg);
    player.chosen = 0;
    const palette = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C8C8C", "#882255"];
    const cases = of.cases.map((one) => ({ ...one, read: null }));
    const draw = (at) => {
      const one = cases[player.chosen], count = one.replicas.length;
      one.read ??= { paths: unpack(one.paths, 2, -1), walks: unpack(one.walks, 2, -1) };
      titles[0].textContent = `networks: ${Math.round(100 * one.share[0])}%, ${Math.round(100 * one.share[1])}% of the variance`;
      titles[1].textContent = `random walks: ${Math.round(100 * one.nullShare[0])}%, ${Math.round(100 * one.nullShare[1])}%`;
      [[left, one.read.paths, 0], [right, one.read.walks, 1]].forEach(([group, values, side]) => {
        const made = [];
        for (let r = 0; r < count; r++) {
          let d = "", last = null;
          for (let t = 0; t <= at; t++) {
            const a = values[(t * count + r) * 2], b = values[(t * count + r) * 2 + 1];
            if (Number.isNaN(a) || Number.isNaN(b)) continue;
            last = [x(a, side), y(b)];
            d += `${d ? "L" : "M"}${last[0].toFixed(1)},${last[1].toFixed(1)}`;
          }
          if (!last) continue;
          made.push(svgOf("path", { d, fill: "none", stroke: palette[r % palette.length], "stroke-opacity": 0.6 }));
          const dot = svgOf("circle", { cx: last[0], cy: last[1], r: 3.5, fill: palette[r % palette.length] });
          dot.append(svgOf("title", {}, `network ${one.replicas[r]}`));
          made.push(dot);
        }
        group.replaceChildren(...made);
      });
    };
    const show = controls(player, () => cases[player.chosen].steps.length, (at) => `step ${cases[player.chosen].steps[at]}`, draw, cases);
    show();
  };

  const scan = (player, of) => {
    const svg = svgOf("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": "Shares against points per input, of all sizes up to the chosen one" });
    const frame = svgOf("g"), drawn = svgOf("g");
    svg.append(frame, drawn);
    player.append(svg);
    player.chosen = 0;
    const palette = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C8C8C", "#882255"];
    const y = (v) => HEIGHT - BOTTOM - v * (HEIGHT - BOTTOM - TOP - 6);
    const box = elementOf("input", { type: "checkbox" });
    const choice = elementOf("label", { class: "choice" }, " scale by size (collapse)");
    choice.prepend(box);
    const key = elementOf("ul", { class: "key" });
    const draw = (at) => {
      const one = of.cases[player.chosen], sizes = one.sizes;
      const scaled = (x, size) => (box.checked ? (x - of.critical) * size ** of.exponent : x);
      const ends = sizes.flatMap((n) => [scaled(of.low, n), scaled(of.high, n)]);
      const low = Math.min(...ends), high = Math.max(...ends);
      const x = (v) => LEFT + 8 + ((v - low) / (high - low)) * (WIDTH - LEFT - RIGHT - 16);
      const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20].find((s) => (high - low) / s <= 8) || 50;
      const ticks = Array.from({ length: 9 }, (_, k) => (Math.ceil(low / step) + k) * step).filter((v) => v <= high);
      frame.replaceChildren(
        svgOf("path", { class: "axis", fill: "none", d: `M${LEFT},${TOP}V${HEIGHT - BOTTOM}H${WIDTH - RIGHT}` }),
        svgOf("path", { class: "axis", "stroke-dasharray": "3 3", d: `M${x(box.checked ? 0 : of.critical)},${TOP}V${HEIGHT - BOTTOM}` }),
        ...ticks.map((v) => svgOf("text", { x: x(v), y: HEIGHT - BOTTOM + 16, "text-anchor": "middle" }, String(+v.toFixed(1)))),
        ...[0, 0.5, 1].map((v) => svgOf("text", { x: LEFT - 6, y: y(v) + 4, "text-anchor": "end" }, String(v))),
        svgOf("text", { x: (LEFT + WIDTH) / 2, y: HEIGHT - 8, "text-anchor": "middle" }, box.checked ? "(P/N \u2212 2) times the square root of N" : "points per input P/N"),
        svgOf("text", { x: 14, y: (HEIGHT - BOTTOM) / 2, "text-anchor": "middle", transform: `rotate(-90 14 ${(HEIGHT - BOTTOM) / 2})` }, one.title),
      );
      const made = [];
      for (let k = 0; k <= at; k++) {
        const curve = one.curves[k], n = sizes[k], colour = palette[k % palette.length];
        const path = curve.exactX.map((v, j) => `${j ? "L" : "M"}${x(scaled(v, n)).toFixed(1)},${y(curve.exactY[j]).toFixed(1)}`).join("");
        made.push(svgOf("path", { d: path, fill: "none", stroke: colour, "stroke-width": k === at ? 2 : 1 }));
        curve.x.forEach((v, j) => {
          if (curve.y[j] < 0) return;
          const px = (x(scaled(v, n)) + 2 * (k - (sizes.length - 1) / 2)).toFixed(1); // sizes side by side
          made.push(svgOf("path", { d: `M${px},${y(curve.low[j]).toFixed(1)}V${y(curve.high[j]).toFixed(1)}`, stroke: colour }));
          made.push(svgOf("circle", { cx: px, cy: y(curve.y[j]).toFixed(1), r: k === at ? 3.6 : 2.4, fill: colour }));
        });
      }
      drawn.replaceChildren(...made);
      key.replaceChildren(...sizes.slice(0, at + 1).map((n, k) => {
        const item = elementOf("li", {}, `N = ${n}`), dot = elementOf("span");
        dot.style.background = palette[k % palette.length];
        item.prepend(dot);
        return item;
      }));
    };
    const sizes = () => of.cases[player.chosen].sizes.length;
    const show = controls(player, sizes, (at) => `up to N = ${of.cases[player.chosen].sizes[at]}`, draw, of.cases, 900);
    box.addEventListener("change", show);
    player.append(choice, key);
    show();
  };

  const players = { plane, cloud, scan };
  for (const player of document.querySelectorAll(".player")) {
    const of = data[player.dataset.kind + "s"][Number(player.dataset.index)];
    players[player.dataset.kind](player, of);
  }
})();
