"use strict";
// Shows what the page holds already in other ways: values under the pointer, parts of it, other orders.
(() => {
  const all = (what, root = document) => [...root.querySelectorAll(what)];
  const NS = "http://www.w3.org/2000/svg";
  const FINE = 4; // Units of a drawing for each of its pixels.
  const off = new Set();
  const make = (name, more = {}, root = null) => {
    const element = name === "line" || name === "rect" ? document.createElementNS(NS, name) : document.createElement(name);
    for (const [key, value] of Object.entries(more)) key in element && name !== "line" && name !== "rect" ? (element[key] = value) : element.setAttribute(key, value);
    root?.append(element);
    return element;
  };

  // Numbers as the rest of the page writes them.
  const number = (v) => (v === 0 ? "0" : Math.abs(v) >= 99.95 ? Math.round(v).toLocaleString("en-US") : v.toPrecision(3));
  const round = (text) => text.replace(/(\.\d*?)0+(?!\d)/, "$1").replace(/\.(?!\d)/, "");
  const duration = (ms) => {
    if (ms === 0) return "0 ms";
    const [scale, unit] = [[1e-6, "ns"], [1e-3, "µs"], [1, "ms"], [1e3, "s"]].find(([scale], i) => i === 3 || ms / scale < 999.5);
    return `${number(ms / scale)} ${unit}`;
  };

  // Histograms: HdrHistogram's V2 format, deflated, in base64, as in result.json.
  const ladders = {}, carried = {};
  const decode = async (text) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const inner = new Blob([bytes.subarray(8)]).stream().pipeThrough(new DecompressionStream("deflate"));
    const view = new DataView(await new Response(inner).arrayBuffer());
    const half = 2 ** (Math.ceil(Math.log2(2 * 10 ** view.getInt32(12))) - 1);
    const rungs = [];
    let index = 0, below = 0, at = 40;
    while (at < view.byteLength) {
      // LEB128 of at most nine bytes, zigzag; what is negative is a number of empty buckets.
      let value = 0, shift = 1, i = 0, byte;
      do {
        byte = view.getUint8(at++);
        value += (i === 8 ? byte : byte & 127) * shift;
        shift *= 128;
      } while (byte & 128 && ++i < 9);
      if (value % 2) { index += (value + 1) / 2; continue; }
      if (value > 0) {
        const bucket = Math.max(0, Math.floor(index / half) - 1);
        const sub = index < half ? index : (index % half) + half;
        below += value / 2;
        rungs.push([((sub + 1) * 2 ** bucket - 1) / 1e6, below]);
      }
      index++;
    }
    return rungs;
  };
  const total = (rungs) => rungs[rungs.length - 1][1];
  const find = (rungs, test) => {
    let [low, high] = [0, rungs.length];
    while (low < high) { const middle = (low + high) >> 1; test(rungs[middle]) ? (high = middle) : (low = middle + 1); }
    return low;
  };
  const atQuantile = (rungs, q) => rungs[Math.min(find(rungs, ([, n]) => n >= Math.max(1, Math.ceil(q * total(rungs)))), rungs.length - 1)][0];
  const shareBelow = (rungs, ms) => { const i = find(rungs, ([v]) => v > ms); return i ? rungs[i - 1][1] / total(rungs) : 0; };

  // What is shown of which mode.
  const names = () => all("#modes label").map((label) => [label.firstChild.value, label.textContent.trim()]);
  const filter = () => {
    for (const box of all("#modes input")) off[box.checked ? "delete" : "add"](box.value);
    const wanted = document.getElementById("step")?.value.trim().toLowerCase() ?? "";
    for (const part of all("[data-trace]")) part.hidden = off.has(part.dataset.trace);
    for (const row of all("table.steps tbody tr")) row.hidden = off.has(row.dataset.trace) || !row.cells[0].textContent.toLowerCase().includes(wanted);
    for (const part of all("details.step, .small")) part.hidden = !part.querySelector("summary, title").textContent.toLowerCase().includes(wanted);
    for (const series of all(".series, .entry")) {
      const { key } = series.dataset;
      if (key && names().some(([name]) => name === key)) series.classList.toggle("off", off.has(key));
    }
  };

  // Ticks of a stretch of an axis: [value, text].
  const ticks = (kind, log, [from, to]) => {
    const list = [];
    if (kind === "percentiles") {
      for (let nine = 0; nine < 7; nine++) for (const k of [10, 5, 2.5]) {
        const left = k * 10 ** (1 - nine), place = Math.log10(100 / left);
        if (place >= from && place <= to) list.push([place, `${+(100 - left).toFixed(nine + 1)} %`]);
      }
      return list;
    }
    const show = kind === "seconds" ? (v) => (v === 0 ? "0" : `${round(number(v))} s`) : (v) => round(duration(v));
    if (log) {
      for (let power = Math.floor(Math.log10(from)); power <= Math.log10(to); power++) for (const k of [1, 2, 5]) {
        const value = k * 10 ** power;
        if (value >= from && value <= to) list.push([value, show(value)]);
      }
      if (list.length > 2) return list;
      list.length = 0;
    }
    const rough = (to - from) / 8, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((k) => k * power).find((step) => step >= rough);
    for (let i = Math.ceil(from / step); i * step <= to; i++) list.push([i * step, show(i * step)]);
    return list;
  };

  // The row of a time line at a moment.
  const rowAt = (id, value) => {
    const table = document.getElementById(`data-${id}`);
    if (!table) return null;
    const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent), lines = table.tBodies[0].rows;
    let row = lines.length;
    while (row-- && parseFloat(lines[row].cells[0].textContent) > value);
    return { heads, text: (column) => lines[row]?.cells[heads.indexOf(column)]?.textContent ?? "" };
  };

  const chart = (svg) => {
    const figure = svg.closest("figure");
    const { x: kind, log, columns } = svg.dataset;
    const ends = svg.dataset.ends.split(" ").map(Number);
    const [left, top, right, bottom] = svg.dataset.field.split(" ").map((v) => v * FINE);
    const isLog = log === "1";
    const warp = (v) => (isLog ? Math.log10(v) : v), unwarp = (v) => (isLog ? 10 ** v : v);
    let shown = ends, at = null;
    const toX = (v) => left + ((warp(v) - warp(shown[0])) / (warp(shown[1]) - warp(shown[0]))) * (right - left);
    const toValue = (x) => unwarp(warp(shown[0]) + ((x - left) / (right - left)) * (warp(shown[1]) - warp(shown[0])));
    const fields = all(".field", svg), boxes = fields.map((field) => field.getAttribute("viewBox").split(" ").map(Number));
    const axis = svg.querySelector(".x-ticks"), before = [...axis.childNodes];
    const [grid, label] = [axis.querySelector("polyline"), axis.querySelector("text")];
    const points = all(".exemplar", svg), homes = points.map((point) => toX(+point.dataset.at));
    const cross = make("line", { class: "cross", y1: top, y2: bottom, visibility: "hidden" }, svg);
    const pick = make("rect", { class: "pick", y: top, height: bottom - top, width: 0 }, svg);
    const box = make("output", { className: "values", hidden: true }, figure);
    const reset = make("button", { className: "reset", type: "button", textContent: "Whole chart", hidden: true }, figure);

    const zoom = (next) => {
      const whole = [warp(ends[0]), warp(ends[1])], least = (whole[1] - whole[0]) / 2000;
      let [from, to] = next.map(warp);
      if (to - from < least) return;
      [from, to] = [Math.max(from, whole[0]), Math.min(to, whole[1])];
      shown = [unwarp(from), unwarp(to)];
      const zoomed = from > whole[0] || to < whole[1], scale = (whole[1] - whole[0]) / (to - from);
      fields.forEach((field, i) => {
        const [x, y, w, h] = boxes[i];
        const begin = left + ((from - whole[0]) / (whole[1] - whole[0])) * (right - left);
        field.setAttribute("viewBox", `${begin - (left - x) / scale} ${y} ${w / scale} ${h}`);
      });
      points.forEach((point, i) => {
        const x = toX(+point.dataset.at);
        point.setAttribute("transform", `translate(${x - homes[i]} 0)`);
        point.setAttribute("visibility", x >= left && x <= right ? "visible" : "hidden");
      });
      svg.classList.toggle("zoomed", zoomed);
      reset.hidden = !zoomed;
      if (!zoomed) axis.replaceChildren(...before);
      else {
        axis.replaceChildren();
        let free = 0;
        for (const [value, text] of ticks(kind, isLog, shown)) {
          const x = toX(value), half = text.length * 15;
          const line = grid.cloneNode(), words = label.cloneNode();
          line.setAttribute("points", `${x},${top} ${x},${bottom}`);
          axis.append(line);
          if (x - half < free || x + half > 3840) continue;
          words.setAttribute("x", x);
          words.textContent = text;
          axis.append(words);
          free = x + half + 30;
        }
      }
      if (at !== null) look(at);
    };

    const values = (value) => {
      const rows = [];
      if (kind === "seconds") {
        const keys = figure.dataset.trace ? names().filter(([key]) => key === figure.dataset.trace) : names();
        for (const [key, name] of keys) {
          const row = off.has(key) ? null : rowAt(`${figure.dataset.line ?? "timeline"}-${key}`, value);
          if (!row) continue;
          for (const column of row.heads.includes(columns) ? [columns] : columns.split(",")) {
            const text = row.text(column);
            if (text) rows.push(`${figure.dataset.trace ? column : name}: ${text}`);
          }
        }
        return [`${number(value)} s`, rows];
      }
      const time = { "chart-first-events": "first event", "chart-gaps": "gap between events" }[figure.id] ?? "response";
      for (const [key, name] of names()) {
        const rungs = off.has(key) ? null : ladders[key]?.[time];
        if (rungs) rows.push(`${name}: ${kind === "times" ? `${number(100 * shareBelow(rungs, value))} %` : duration(atQuantile(rungs, 1 - 10 ** -value))}`);
      }
      return [kind === "times" ? `within ${duration(value)}` : `${+(100 - 10 ** (2 - value)).toFixed(Math.max(1, Math.ceil(value)))} %`, rows];
    };
    const look = (value) => {
      at = Math.min(Math.max(value, shown[0]), shown[1]);
      const x = toX(at);
      for (const end of ["x1", "x2"]) cross.setAttribute(end, x);
      cross.setAttribute("visibility", "visible");
      const [head, rows] = values(at);
      box.replaceChildren();
      make("b", { textContent: head }, box);
      rows.forEach((row) => make("span", { textContent: row }, box));
      box.hidden = false;
      // Beside the line, on the side that has room.
      const [outer, inner] = [figure.getBoundingClientRect(), svg.getBoundingClientRect()], scale = inner.width / svg.viewBox.baseVal.width;
      const begin = inner.left - outer.left + x * scale, room = outer.width - box.offsetWidth - 4;
      box.style.left = `${Math.max(4, begin + 12 < room ? begin + 12 : Math.min(room, begin - box.offsetWidth - 12))}px`;
      box.style.top = `${top * scale + 8}px`;
    };
    const hide = () => { at = null; box.hidden = true; cross.setAttribute("visibility", "hidden"); };
    const pointer = (event) => {
      const frame = svg.getBoundingClientRect();
      return ((event.clientX - frame.left) / frame.width) * svg.viewBox.baseVal.width;
    };
    const inside = (x) => Math.min(Math.max(x, left), right);
    let from = null;
    svg.addEventListener("pointermove", (event) => {
      const x = inside(pointer(event));
      look(toValue(x));
      if (from === null) return;
      pick.setAttribute("x", Math.min(x, from));
      pick.setAttribute("width", Math.abs(x - from));
    });
    svg.addEventListener("pointerdown", (event) => {
      const y = ((event.clientY - svg.getBoundingClientRect().top) / svg.getBoundingClientRect().height) * svg.viewBox.baseVal.height;
      if (event.button === 0 && event.pointerType !== "touch" && y > top - 40 && y < bottom + 120) { from = inside(pointer(event)); svg.setPointerCapture(event.pointerId); }
    });
    svg.addEventListener("pointerup", (event) => {
      if (from !== null && Math.abs(pointer(event) - from) > 30) zoom([from, inside(pointer(event))].sort((a, b) => a - b).map(toValue));
      from = null;
      pick.setAttribute("width", 0);
    });
    svg.addEventListener("pointerleave", () => { if (from === null) hide(); });
    svg.addEventListener("dblclick", () => zoom(ends));
    svg.addEventListener("blur", hide);
    reset.addEventListener("click", () => zoom(ends));
    svg.addEventListener("keydown", (event) => {
      if (event.target !== svg) return;
      const x = at === null ? (left + right) / 2 : toX(at), near = (share) => [x - (x - left) * share, x + (right - x) * share].map(toValue);
      const act = {
        ArrowLeft: () => look(toValue(inside(x - 40))), ArrowRight: () => look(toValue(inside(x + 40))),
        "+": () => zoom(near(0.5)), "=": () => zoom(near(0.5)), "-": () => zoom(near(2)), 0: () => zoom(ends), Escape: () => { zoom(ends); hide(); },
      }[event.key];
      if (act) { event.preventDefault(); act(); }
    });
    svg.setAttribute("tabindex", 0);
    svg.classList.add("live-svg");
  };

  // The small charts of steps have one pointer together.
  const multiples = (root) => {
    const box = root.querySelector(".values"), svgs = all("svg[data-ends]", root);
    const [from, to] = svgs[0].dataset.ends.split(" ").map(Number), [left, top, right, bottom] = svgs[0].dataset.field.split(" ").map((v) => v * FINE);
    const lines = svgs.map((svg) => make("line", { class: "cross", y1: top, y2: bottom, visibility: "hidden" }, svg));
    let at = null;
    const hide = () => { at = null; box.hidden = true; lines.forEach((line) => line.setAttribute("visibility", "hidden")); };
    const look = (value, svg) => {
      at = Math.min(Math.max(value, from), to);
      const x = left + ((at - from) / (to - from)) * (right - left), shown = names().filter(([key]) => !off.has(key));
      for (const line of lines) { for (const end of ["x1", "x2"]) line.setAttribute(end, x); line.setAttribute("visibility", "visible"); }
      box.replaceChildren();
      make("b", { textContent: `${number(at)} s` }, box);
      for (const own of svgs) for (const [key, name] of shown) {
        const figure = own.closest("figure"), row = figure.hidden ? null : rowAt(`step${figure.dataset.step}-${key}`, at);
        if (!row?.text("planned")) continue;
        const failed = row.text("failed"), words = [row.text("p50") && `p50 ${row.text("p50")}, p99 ${row.text("p99")}`, failed && `${failed} failed`].filter(Boolean).join(", ");
        make("span", { textContent: `${own.querySelector("title").textContent}${shown.length > 1 ? `, ${name}` : ""}: ${words || "nothing completed"}` }, box);
      }
      box.hidden = false;
      const [outer, inner] = [root.getBoundingClientRect(), svg.getBoundingClientRect()];
      box.style.left = `${Math.max(0, Math.min(inner.left - outer.left, outer.width - box.offsetWidth))}px`;
      box.style.top = `${inner.bottom - outer.top}px`;
    };
    svgs.forEach((svg) => {
      svg.addEventListener("pointermove", (event) => {
        const frame = svg.getBoundingClientRect(), x = ((event.clientX - frame.left) / frame.width) * svg.viewBox.baseVal.width;
        look(from + ((x - left) / (right - left)) * (to - from), svg);
      });
      svg.addEventListener("pointerleave", hide);
    });
    root.tabIndex = 0;
    root.addEventListener("blur", hide);
    root.addEventListener("keydown", (event) => {
      const move = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (event.target !== root || !(move || event.key === "Escape")) return;
      event.preventDefault();
      move ? look((at ?? from) + (move * (to - from)) / 60, svgs[0]) : hide();
    });
  };
  const chooser = () => {
    const which = document.getElementById("which"), steps = all("details.step");
    if (!which) return;
    which.parentElement.parentElement.hidden = false;
    which.addEventListener("change", () => { steps[which.value].open = true; steps[which.value].scrollIntoView(); });
    steps.forEach((step, i) => step.addEventListener("toggle", () => { if (step.open) which.value = i; }));
  };

  // Says of what is wider than its place that there is more, and on which side.
  const cue = (scroll) => {
    const words = make("p", { className: "cue", hidden: true });
    scroll.querySelector("svg") ? scroll.append(words) : scroll.prepend(words);
    const tell = () => {
      const left = scroll.scrollLeft > 1, right = scroll.scrollLeft + scroll.clientWidth < scroll.scrollWidth - 1;
      scroll.classList.toggle("more-left", left);
      words.hidden = !left && !right;
      words.textContent = [left && "← more to the left", right && "more to the right →"].filter(Boolean).join(" · ");
    };
    scroll.addEventListener("scroll", tell, { passive: true });
    const sizes = new ResizeObserver(tell);
    [scroll, ...scroll.children].forEach((part) => part === words || sizes.observe(part));
  };

  // Single operations on a chart, each of which opens a card. One of them at a time is in the order of the Tab key; arrows lead to the others.
  const examples = (svg) => {
    const figure = svg.closest("figure"), points = all(".exemplar", svg);
    if (!points.length) return;
    const card = make("div", { className: "card", hidden: true, role: "dialog", ariaLabel: "Slow operation" }, figure);
    let shown = null;
    const close = () => { card.hidden = true; shown?.focus(); };
    const open = (point) => {
      shown = point;
      card.replaceChildren();
      const list = make("dl", {}, card);
      for (const [name, text, href] of JSON.parse(point.dataset.card)) {
        make("dt", { textContent: name }, list);
        const value = make("dd", {}, list), words = make(href ? "a" : "span", href ? { href, rel: "noreferrer" } : {}, value);
        words.textContent = text;
        if (name !== "trace") continue;
        const copy = make("button", { type: "button", textContent: "Copy" }, value);
        copy.addEventListener("click", () => {
          getSelection().selectAllChildren(words);
          navigator.clipboard?.writeText(text).then(() => (copy.textContent = "Copied"), () => {});
        });
      }
      const end = make("button", { type: "button", textContent: "Close" }, card);
      end.addEventListener("click", close);
      card.hidden = false;
      const [outer, at] = [figure.getBoundingClientRect(), point.getBoundingClientRect()];
      card.style.left = `${Math.max(4, Math.min(at.left - outer.left, outer.width - card.offsetWidth - 4))}px`;
      card.style.top = `${at.bottom - outer.top + 6}px`;
      end.focus();
    };
    card.addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });
    points.forEach((point, i) => {
      point.setAttribute("role", "button");
      point.setAttribute("tabindex", i ? -1 : 0);
      const go = (by) => {
        const next = points[(i + by + points.length) % points.length];
        points.forEach((other) => other.setAttribute("tabindex", other === next ? 0 : -1));
        next.focus();
      };
      point.addEventListener("pointerdown", (event) => event.stopPropagation());
      point.addEventListener("click", () => open(point));
      point.addEventListener("keydown", (event) => {
        const act = { Enter: () => open(point), " ": () => open(point), ArrowLeft: () => go(-1), ArrowRight: () => go(1) }[event.key];
        if (act) { event.preventDefault(); act(); }
      });
    });
  };

  const legends = (svg) => {
    for (const entry of all(".entry[data-key]", svg)) {
      entry.setAttribute("role", "button");
      entry.setAttribute("tabindex", 0);
      entry.setAttribute("aria-pressed", true);
      const toggle = () => {
        const hidden = entry.classList.toggle("off");
        entry.setAttribute("aria-pressed", !hidden);
        for (const series of all(".series", svg)) if (series.dataset.key === entry.dataset.key) series.classList.toggle("off", hidden);
      };
      entry.addEventListener("click", toggle);
      entry.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); toggle(); } });
    }
  };

  // A cell as something that can be put in order: a figure in its smallest unit, or a text.
  const UNITS = { ns: 1e-6, "µs": 1e-3, ms: 1, s: 1e3, min: 6e4, h: 3.6e6, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };
  const order = (text) => {
    const match = /^(-?[\d,]*\.?\d+(?:e-?\d+)?)\s*([a-zµ%A-Z/]*)/.exec(text.trim());
    return match ? parseFloat(match[1].replaceAll(",", "")) * (UNITS[match[2]] ?? 1) : NaN;
  };
  const sortable = (table) => {
    all("thead th", table).forEach((head, column) => {
      const button = make("button", { type: "button", textContent: head.textContent });
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending", body = table.tBodies[0];
        all("th", table.tHead).forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const text = (row) => row.cells[column].textContent;
        const rows = [...body.rows].sort((a, b) => {
          const [x, y] = [order(text(a)), order(text(b))];
          // What is not known stands last, whichever way.
          if (isNaN(x) !== isNaN(y)) return isNaN(x) ? 1 : -1;
          return (isNaN(x) ? text(a).localeCompare(text(b)) : x - y) * (down ? -1 : 1);
        });
        body.append(...rows);
      });
    });
  };

  // The table of contents: open beside the page, folded above it. Marks the section that is read.
  const toc = () => document.querySelector("#toc details"), beside = matchMedia("(min-width: 75rem)");
  const mark = () => {
    const atEnd = scrollY + innerHeight >= document.documentElement.scrollHeight - 2;
    const passed = (link) => { const box = document.getElementById(link.hash.slice(1))?.getClientRects()[0]; return box && box.top < innerHeight / (atEnd ? 1 : 3); };
    const links = all("#toc a"), now = links.findLast(passed) ?? links[0];
    links.forEach((link) => link === now ? link.setAttribute("aria-current", "location") : link.removeAttribute("aria-current"));
  };
  const fold = () => { toc().open = beside.matches; };
  beside.onchange = fold;
  addEventListener("scroll", mark, { passive: true });
  addEventListener("click", (event) => { if (!event.target.closest("#toc summary")) fold(); });
  addEventListener("keydown", (event) => { if (event.key === "Escape" && toc().open && !beside.matches) { fold(); toc().firstChild.focus(); } });

  const setUp = async () => {
    document.documentElement.classList.add("scripted");
    document.getElementById("tools").hidden = false;
    all(".scroll").forEach(cue);
    for (const box of all("#modes input")) box.checked = !off.has(box.value);
    all("#modes input").forEach((box) => box.addEventListener("change", filter));
    document.getElementById("step").addEventListener("input", filter);
    document.getElementById("theme").addEventListener("click", () => {
      const root = document.documentElement.style, dark = root.colorScheme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
      root.colorScheme = dark === "dark" ? "light" : "dark";
    });
    all(".chart .scroll > svg").forEach((svg) => { legends(svg); examples(svg); if (svg.dataset.x) chart(svg); });
    all(".multiples").forEach(multiples);
    chooser();
    all("table.steps").forEach(sortable);
    // A link into something folded opens it.
    const open = () => { let at = document.getElementById(location.hash.slice(1)); while ((at = at?.parentElement)) if (at.tagName === "DETAILS") at.open = true; };
    onhashchange = open;
    open();
    filter();
    mark();
    if (!globalThis.DecompressionStream) return;
    for (const [key, { outermost, times }] of Object.entries(JSON.parse(document.getElementById("histograms").textContent))) {
      ladders[key] = {};
      carried[key] = outermost / 100;
      for (const [name, text] of Object.entries(times)) ladders[key][name] = await decode(text);
    }
    const reader = document.getElementById("reader");
    if (!reader) return;
    const [input, select, output] = ["percentile", "times", "read"].map((id) => document.getElementById(id));
    [...new Set(Object.values(ladders).flatMap(Object.keys))].forEach((name) => make("option", { value: name, textContent: `${name} time`, selected: name === "response" }, select));
    const read = () => {
      const q = input.valueAsNumber / 100, known = names().filter(([key]) => ladders[key]?.[select.value]);
      const one = ([key, name]) => {
        const known = q === 0 || q === 1 || Math.max(q, 1 - q) <= carried[key];
        return `${name} ${known ? duration(atQuantile(ladders[key][select.value], q)) : "n/a"}`;
      };
      output.textContent = q >= 0 && q <= 1 ? known.map(one).join(" · ") : "a number from 0 to 100";
    };
    [input, select].forEach((element) => element.addEventListener("input", read));
    reader.hidden = false;
    read();
  };

  const { live } = document.body.dataset;
  if (live) {
    const news = new EventSource(live);
    news.onmessage = ({ data }) => {
      const place = [scrollX, scrollY], step = document.getElementById("step").value, unfolded = toc().open, at = document.activeElement.hash;
      const chosen = all("details.step").findIndex((one) => one.open);
      const next = new DOMParser().parseFromString(JSON.parse(data), "text/html").getElementById("page");
      document.getElementById("page").replaceWith(next);
      document.getElementById("step").value = step;
      toc().open = unfolded;
      if (chosen >= 0) all("details.step")[chosen]?.setAttribute("open", "");
      if (at) document.querySelector(`#toc a[href="${at}"]`)?.focus({ preventScroll: true });
      setUp();
      scrollTo(...place);
    };
    news.addEventListener("end", () => { news.close(); document.getElementById("live").textContent = "ended"; });
    news.onerror = () => {
      document.getElementById("live").textContent = "not connected";
      document.querySelector(".under-way strong")?.replaceChildren("Not connected:");
    };
  }
  fold();
  setUp();
})();
