"use strict";
(() => {
  const page = JSON.parse(document.getElementById("values").textContent);
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const floats = (text) => new Float32Array(bytes(text).buffer);
  const named = (names, at) => `${JSON.stringify(names[at])} (${at})`;
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

  // A heat map: `table` has names of rows and columns, `heat(row, column)` from 0 to 1 or null, and `words(row, column)`.
  const NARROW = 13, HIGH = 22, WIDE = 44; // pixels of a cell: at least, and at most down and across
  const MANY = 80, LETTERS = 12; // names on an axis that can be read, letters of one
  const heatMap = (kind, moved) => {
    const output = document.getElementById(`${kind}-said`);
    const canvas = output.closest("section, figure").querySelector(`canvas[aria-describedby="${output.id}"]`);
    const scroll = canvas.parentElement;
    let table, size, gap, left, top, at = [0, 0], over = null;
    const label = (name) => (name.length > LETTERS ? `${name.slice(0, LETTERS - 1)}…` : name);

    // All cells, kept aside: a move of the cursor draws the rest alone.
    const cells = document.createElement("canvas"), pen = canvas.getContext("2d");
    const paint = () => {
      if (!table) return;
      const rows = table.rows.length, columns = table.columns.length;
      [left, top] = [rows <= MANY ? 88 : 0, columns <= MANY ? 84 : 0];
      const fitting = Math.floor(((scroll.clientWidth || 320) - left) / columns);
      const wide = Math.min(table.square ? HIGH : WIDE, Math.max(fitting, top ? NARROW : 2));
      size = [wide, table.square ? wide : left ? Math.max(NARROW, Math.min(wide, HIGH)) : 2];
      const width = left + columns * size[0] + 2, height = top + rows * size[1] + 2;
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
      for (const one of [canvas, cells]) [one.width, one.height] = [width * devicePixelRatio, height * devicePixelRatio];
      const brush = cells.getContext("2d"), [soft, data] = ["soft", "data"].map(colour);
      brush.scale(devicePixelRatio, devicePixelRatio);
      gap = size[0] > 4 ? 1 : 0;
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          const heat = table.heat(row, column);
          if (heat === null) continue;
          for (const [fill, share] of heat > 0 ? [[soft, 1], [data, Math.min(1, heat)]] : [[soft, 1]]) {
            brush.fillStyle = fill;
            brush.globalAlpha = share;
            brush.fillRect(left + column * size[0], top + row * size[1], size[0] - gap, size[1] - gap);
          }
        }
      }
      draw();
    };
    const draw = () => {
      const [ink, muted] = ["ink", "muted"].map(colour);
      pen.setTransform(1, 0, 0, 1, 0, 0);
      pen.clearRect(0, 0, canvas.width, canvas.height);
      pen.drawImage(cells, 0, 0);
      pen.scale(devicePixelRatio, devicePixelRatio);
      pen.font = `11px ${getComputedStyle(document.body).fontFamily}`;
      pen.textBaseline = "middle";
      pen.textAlign = "right";
      for (let row = 0; left && row < table.rows.length; row++) {
        pen.fillStyle = row === at[0] ? ink : muted;
        pen.fillText(label(table.rows[row]), left - 6, top + (row + 0.5) * size[1]);
      }
      pen.textAlign = "left";
      for (let column = 0; top && column < table.columns.length; column++) {
        pen.fillStyle = column === at[1] ? ink : muted;
        pen.save();
        pen.translate(left + (column + 0.5) * size[0], top - 6);
        pen.rotate(-Math.PI / 2);
        pen.fillText(label(table.columns[column]), 0, 0);
        pen.restore();
      }
      pen.strokeStyle = pen.fillStyle = ink;
      pen.lineWidth = 2;
      if (!gap) { // a cell is hard to see: its row and its column aren't
        pen.globalAlpha = 0.25;
        pen.fillRect(left, top + at[0] * size[1], table.columns.length * size[0], size[1]);
        pen.fillRect(left + at[1] * size[0], top, size[0], table.rows.length * size[1]);
        pen.globalAlpha = 1;
      }
      pen.strokeRect(left + at[1] * size[0] - gap, top + at[0] * size[1] - gap, size[0] + gap, size[1] + gap);
    };
    const tell = () => { output.textContent = table.words(...(over ?? at)); };
    const go = (row, column) => {
      at = [Math.min(Math.max(row, 0), table.rows.length - 1), Math.min(Math.max(column, 0), table.columns.length - 1)];
      over = null;
      draw();
      tell();
      moved?.(...at);
    };
    const cell = (event) => {
      const column = Math.floor((event.offsetX - left) / size[0]), row = Math.floor((event.offsetY - top) / size[1]);
      return row >= 0 && column >= 0 && row < table.rows.length && column < table.columns.length ? [row, column] : null;
    };
    canvas.addEventListener("pointermove", (event) => { over = cell(event); tell(); });
    canvas.addEventListener("pointerleave", () => { over = null; tell(); });
    canvas.addEventListener("click", (event) => { const found = cell(event); if (found) go(...found); });
    canvas.addEventListener("keydown", (event) => {
      const steps = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0], Home: [0, -1e9], End: [0, 1e9], PageUp: [-1e9, 0], PageDown: [1e9, 0] };
      const step = steps[event.key];
      if (!step) return;
      event.preventDefault();
      go(at[0] + step[0], at[1] + step[1]);
      const x = left + at[1] * size[0];
      if (x < scroll.scrollLeft + left || x + size[0] > scroll.scrollLeft + scroll.clientWidth) scroll.scrollLeft = x - scroll.clientWidth / 2;
    });
    let room = 0;
    new ResizeObserver(() => { if (room !== scroll.clientWidth) paint(); room = scroll.clientWidth; }).observe(scroll);
    for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", paint);
    return {
      show: (next, place) => {
        table = next;
        scroll.parentElement.querySelector(".scale").textContent = next.scale;
        at = [0, 1].map((axis) => Math.min((place ?? at)[axis], [next.rows, next.columns][axis].length - 1));
        paint();
        go(...at);
      },
      go,
      get at() { return at; },
    };
  };

  // Choices beside a heat map; one that has a single value isn't shown.
  const chooser = (section, change) => {
    const controls = section.querySelector(".controls");
    controls.addEventListener("change", (event) => change(event.target.name));
    return {
      fill: (name, values) => {
        const select = controls.querySelector(`[name="${name}"]`);
        const before = Math.min(Math.max(select.selectedIndex, 0), values.length - 1);
        select.replaceChildren(...values.map((value) => new Option(value)));
        select.selectedIndex = before;
        select.parentElement.hidden = values.length < 2;
      },
      get: (name) => controls.querySelector(`[name="${name}"]`).selectedIndex,
      set: (name, index) => { controls.querySelector(`[name="${name}"]`).selectedIndex = index; },
    };
  };
  const sequences = page.sequences.map((_, index) => index + 1);

  const OUTER = 0.05; // share of the values beyond each end of a scale
  const hidden = () => {
    const section = document.getElementById("hidden");
    const map = heatMap("hidden");
    const draw = () => {
      const stack = page.hidden[choices.get("stack")], sequence = choices.get("sequence");
      const norm = choices.get("measure") === 0;
      const names = page.sequences[sequence][stack.tokens];
      const padded = stack.tokens === "read" ? page.sequences[sequence].padding : [];
      const rows = norm ? stack.rows : stack.rows.slice(1);
      const all = floats(norm ? stack.norm : stack.similarity);
      const values = all.slice(sequence * rows.length * names.length, (sequence + 1) * rows.length * names.length);
      const value = (row, column) => values[row * names.length + column];
      const seen = values.filter((_, index) => !padded[index % names.length]);
      // Norms of some tokens are a hundred times those of others: the ends of the scale leave the outer values out.
      const sorted = Float32Array.from(seen).sort();
      const [low, high] = [OUTER, 1 - OUTER].map((share) => sorted[Math.round(share * (sorted.length - 1))]);
      const scale = norm ? Math.log : (one) => one;
      const span = scale(high) - scale(low) || 1;
      const what = norm ? "norm" : "similarity";
      const digits = norm ? 2 : 3;
      map.show({
        rows, columns: names,
        heat: (row, column) => (padded[column] ? null : (scale(value(row, column)) - scale(low)) / span),
        words: (row, column) => `${rows[row]}, token ${named(names, column)}: ${what} ${value(row, column).toFixed(digits)}`,
        scale: `Faintest: ${low.toFixed(digits)} or less; strongest: ${high.toFixed(digits)} or more${norm ? ", on a logarithmic scale" : ""}.`,
      });
    };
    const choices = chooser(section, draw);
    choices.fill("measure", page.hidden.every((one) => one.similarity) ? ["norm", "similarity"] : ["norm"]);
    choices.fill("stack", page.hidden.map((one) => one.name));
    choices.fill("sequence", sequences);
    draw();
  };

  const attention = () => {
    const section = document.getElementById("attention");
    if (!page.attention.length) return;
    const strip = section.querySelector(".links"), list = section.querySelector(".strongest"), of = section.querySelector(".of");
    for (const one of page.attention) {
      const to = bytes(one.to);
      one.to = one.wide ? new Uint16Array(to.buffer) : to;
      one.weight = bytes(one.weight);
    }
    const chosen = () => {
      const one = page.attention[choices.get("stack")], sequence = choices.get("sequence");
      const names = page.sequences[sequence];
      return { one, sequence, from: names[one.queries], to: names[one.keys], pad: (kind) => (kind === "read" ? names.padding : []) };
    };
    // The links of a token in a head: pairs of a token and a weight, strongest first.
    const first = ({ one, sequence, from }, layer, head, token) => (((sequence * one.layers + layer) * one.heads + head) * from.length + token) * one.kept;
    const links = (now, layer, head, token) => {
      const start = first(now, layer, head, token), { one } = now;
      return [...one.to.subarray(start, start + one.kept)].map((to, index) => [to, one.weight[start + index] / 255]).filter(([, weight]) => weight);
    };
    const tokenLinks = (token) => {
      const now = chosen(), found = links(now, choices.get("layer"), choices.get("head"), token);
      const weights = new Map(found);
      [...strip.children].forEach((span, index) => {
        span.style.setProperty("--heat", `${Math.round(54 * (weights.get(index) ?? 0) / (found[0]?.[1] ?? 1))}%`);
        span.classList.toggle("from", now.one.queries === now.one.keys && index === token);
      });
      of.textContent = `Links of token ${named(now.from, token)}, layer ${choices.get("layer") + 1}, head ${choices.get("head") + 1}`;
      list.replaceChildren(...found.map(([to, weight]) => Object.assign(document.createElement("li"), { textContent: `${named(now.to, to)}: ${weight.toFixed(3)}` })));
    };
    const one = heatMap("links", tokenLinks);
    const oneHead = () => {
      const now = chosen(), layer = choices.get("layer"), head = choices.get("head");
      const cells = now.from.map((_, token) => new Map(links(now, layer, head, token)));
      const gone = now.pad(now.one.queries), unseen = now.pad(now.one.keys);
      section.querySelector(".chosen").textContent = `Layer ${layer + 1}, head ${head + 1}`;
      strip.replaceChildren(...now.to.flatMap((name) => [Object.assign(document.createElement("span"), { textContent: name }), " "]));
      one.show({
        rows: now.from, columns: now.to, square: true,
        heat: (row, column) => (gone[row] || unseen[column] ? null : Math.sqrt(cells[row].get(column) ?? 0)),
        words: (row, column) => {
          const weight = cells[row].get(column)?.toFixed(3);
          return `${named(now.from, row)} to ${named(now.to, column)}: ${gone[row] || unseen[column] ? "padding" : weight ?? "not among the strongest links"}`;
        },
        scale: "Rows: the tokens that attend; columns: the tokens that they attend to. Faintest: 0; strongest: 1, on a square-root scale.",
      });
    };
    const heads = heatMap("heads", (layer, head) => {
      choices.set("layer", layer);
      choices.set("head", head);
      oneHead();
    });
    const allHeads = () => {
      const now = chosen(), gone = now.pad(now.one.queries);
      const tokens = now.from.map((_, token) => token).filter((token) => !gone[token]);
      const mean = (layer, head) => tokens.reduce((sum, token) => sum + now.one.weight[first(now, layer, head, token)] / 255, 0) / tokens.length;
      const means = Array.from({ length: now.one.layers }, (_, layer) => Array.from({ length: now.one.heads }, (_, head) => mean(layer, head)));
      heads.show({
        rows: means.map((_, layer) => `layer ${layer + 1}`), columns: means[0].map((_, head) => `head ${head + 1}`),
        heat: (row, column) => means[row][column],
        words: (row, column) => `layer ${row + 1}, head ${column + 1}: strongest link of a token ${means[row][column].toFixed(3)} on average`,
        scale: "Choose a head. Faintest: its tokens spread their attention; strongest: each token attends to a single one.",
      }, [choices.get("layer"), choices.get("head")]);
    };
    const fill = () => {
      const { one: now } = chosen();
      choices.fill("layer", Array.from({ length: now.layers }, (_, layer) => layer + 1));
      choices.fill("head", Array.from({ length: now.heads }, (_, head) => head + 1));
      allHeads();
    };
    const choices = chooser(section, (name) => {
      if (name === "stack") fill();
      else if (name === "sequence") allHeads();
      else heads.go(choices.get("layer"), choices.get("head"));
    });
    strip.addEventListener("click", (event) => {
      const now = chosen(), index = [...strip.children].indexOf(event.target);
      if (index < 0) return;
      if (now.one.queries === now.one.keys) one.go(index, one.at[1]);
      else one.go(one.at[0], index);
    });
    choices.fill("stack", page.attention.map((links) => links.name));
    choices.fill("sequence", sequences);
    fill();
  };

  for (const drawn of document.querySelectorAll(".drawn")) drawn.hidden = false;
  hidden();
  attention();
})();
