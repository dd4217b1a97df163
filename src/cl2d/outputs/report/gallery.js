// The gallery of class averages: in some order, through some filters, to be selected from.

const MEASURES = [
  { key: "number", label: "number (size)", ascending: true },
  { key: "resolution", label: "resolution", ascending: true, of: (entry) => (entry.resolution ? entry.resolution[0] : null) },
  { key: "quality", label: "quality" },
  { key: "likeness_rank", label: "likeness", ascending: true },
  { key: "homogeneity", label: "homogeneity" },
  { key: "core_share", label: "core share", of: (entry) => (isNumber(entry.core_members) && entry.members ? entry.core_members / entry.members : null) },
  { key: "mean_score", label: "mean score" },
  { key: "mean_confidence", label: "confidence" },
];

const measureOf = (key) => MEASURES.find((measure) => measure.key === key);

function valueOf(entry, key) {
  const measure = measureOf(key);
  return measure && measure.of ? measure.of(entry) : entry[key];
}

// Filters: a number, and whether a class passes it.
const FILTERS = [
  { id: "min-size", label: "min. size", key: "number", step: 1, passes: (entry, limit) => entry.members >= limit },
  { id: "max-resolution", label: "max. resolution", key: "resolution", step: 0.5, passes: (entry, limit) => isNumber(valueOf(entry, "resolution")) && valueOf(entry, "resolution") <= limit },
  { id: "min-quality", label: "min. quality", key: "quality", step: 0.05, passes: (entry, limit) => entry.quality >= limit },
  { id: "min-core", label: "min. core %", key: "core_share", step: 1, passes: (entry, limit) => 100 * valueOf(entry, "core_share") >= limit },
  { id: "min-homogeneity", label: "min. homogeneity", key: "homogeneity", step: 0.05, passes: (entry, limit) => entry.homogeneity >= limit },
];

const STACKS = { all: "all members", core: "cores", stable_core: "stable cores" };

class Gallery {
  constructor(data, selection, openDetails) {
    Object.assign(this, { data, selection, openDetails, anchor: null, focused: null });
    this.place = byId("gallery");
    this.tiles = new Map(data.classes.map((entry) => [entry.number, this.tile(entry)]));
    this.controls();
    this.place.addEventListener("keydown", (event) => this.key(event));
    selection.whenChanged(() => this.showSelected());
    this.arrange();
  }

  tile(entry) {
    const { number } = entry;
    const picture = element("img", { alt: "", decoding: "async", draggable: "false" });
    const bar = this.data.unit === "px" ? null : element("span", { class: "scale", "aria-hidden": "true" });
    const said = `Class ${number}, ${several(entry.members, "particle", "particles")}, ${percent(entry.share)}`;
    const pick = element("button", { type: "button", role: "checkbox", class: "pick", tabindex: "-1", "aria-label": `${said}, ${captionLines(entry, this.data).join(", ")}`,
      onclick: (event) => this.pick(number, event.shiftKey), ondblclick: () => this.openDetails(number), onfocus: () => this.focusable(number) },
    element("span", { class: "picture" }, picture, bar, element("span", { class: "tick", "aria-hidden": "true" }, "✓")));
    const more = element("button", { type: "button", class: "more", tabindex: "-1", "aria-label": `Details of class ${number}`, title: "Details", onclick: () => this.openDetails(number) }, "i");
    const caption = element("div", { class: "caption", "aria-hidden": "true" },
      element("b", {}, `${number}`), element("span", { class: "size" }, ` ${count(entry.members)} (${percent(entry.share)})`),
      captionLines(entry, this.data).map((line) => element("span", { class: "line" }, line)), proposalBadge(entry));
    return element("div", { class: "tile", "data-number": number }, pick, more, caption);
  }

  controls() {
    const { classes, pictures, verdict, unit } = this.data;
    const known = (key) => classes.some((entry) => isNumber(valueOf(entry, key)));
    const labelled = (label, control) => element("label", {}, element("span", {}, label), control);
    const choice = (id, options, act) => element("select", { id, onchange: act }, options.map(([value, label]) => element("option", { value }, label)));
    const sort = choice("sort", MEASURES.filter(({ key }) => known(key)).map(({ key, label }) => [key, label]), () => this.arrange());
    const reverse = element("button", { type: "button", id: "reverse", "aria-pressed": "false", title: "Reverse the order", onclick: () => {
      reverse.setAttribute("aria-pressed", `${reverse.getAttribute("aria-pressed") !== "true"}`);
      this.arrange();
    } }, "reverse");
    this.filters = FILTERS.filter(({ key }) => known(key)).map((filter) => ({
      ...filter, input: element("input", { id: filter.id, type: "number", min: 0, step: filter.step, inputmode: "decimal", oninput: () => this.arrange() }),
    }));
    const states = [["any", "all"], ...(verdict.kept_classes === null ? [] : [["kept", "to keep"], ["dropped", "to drop"]]), ["selected", "selected"], ["unselected", "not selected"]];
    const clear = element("button", { type: "button", id: "clear", onclick: () => {
      for (const { input } of this.filters) input.value = "";
      byId("state").value = "any";
      this.arrange();
    } }, "clear filters");
    const looks = (id, attributes) => element("input", { id, type: "range", ...attributes, oninput: () => this.look() });
    const stacks = Object.keys(STACKS).filter((name) => pictures[name]).map((name) => [name, STACKS[name]]);
    byId("filters").append(
      element("fieldset", {}, element("legend", {}, "Order"), sort, reverse),
      element("fieldset", {}, element("legend", {}, "Show"), choice("state", states, () => this.arrange()),
        this.filters.map(({ label, input, key }) => labelled(key === "resolution" ? `${label} (${unit})` : label, input)), clear),
      element("fieldset", { class: "looks" }, element("legend", {}, "Averages"), stacks.length > 1 ? choice("stack", stacks, () => this.look()) : null,
        labelled("size", looks("tile-size", { min: 72, max: 280, step: 4, value: classes.length > 100 ? 116 : 132 })),
        labelled("contrast", looks("contrast", { min: 0.4, max: 2.5, step: 0.1, value: 1 })),
        labelled("captions", element("input", { id: "captions", type: "checkbox", checked: true, onchange: () => this.look() })),
        this.scaleBar()),
    );
    byId("filters").addEventListener("submit", (event) => event.preventDefault());
  }

  scaleBar() {
    if (this.data.pixel_size_angstrom === null) return null;
    const box = this.data.box_px * this.data.pixel_size_angstrom;
    const bar = scaleBarAngstrom(box / 2);
    this.place.style.setProperty("--bar", `${(100 * bar) / box}%`);
    return element("span", { class: "bar-length" }, element("span", { class: "bar-sample" }), `bar: ${bar} Å`);
  }

  look() {
    const stack = byId("stack");
    const pictures = this.data.pictures[stack ? stack.value : "all"];
    this.place.style.setProperty("--tile", `${byId("tile-size").value}px`);
    this.place.style.setProperty("--contrast", byId("contrast").value);
    this.place.classList.toggle("bare", !byId("captions").checked);
    for (const [number, tile] of this.tiles) {
      const picture = tile.querySelector("img");
      if (picture.getAttribute("src") !== pictures[number - 1]) picture.src = pictures[number - 1];
    }
  }

  // Numbers of the classes that pass the filters, in the order chosen.
  shown() {
    const limits = this.filters.filter(({ input }) => input.value !== "").map((filter) => [filter, Number(filter.input.value)]);
    const states = {
      any: () => true, kept: (entry) => entry.selected, dropped: (entry) => entry.selected === false,
      selected: (entry) => this.selection.has(entry.number), unselected: (entry) => !this.selection.has(entry.number),
    };
    const inState = states[byId("state").value];
    const key = byId("sort").value;
    const sign = (measureOf(key).ascending ? 1 : -1) * (byId("reverse").getAttribute("aria-pressed") === "true" ? -1 : 1);
    const passing = this.data.classes.filter((entry) => inState(entry) && limits.every(([filter, limit]) => filter.passes(entry, limit)));
    return passing
      .map((entry) => ({ number: entry.number, value: valueOf(entry, key) }))
      .sort((a, b) => Number(isNumber(b.value)) - Number(isNumber(a.value)) || (isNumber(a.value) ? sign * (a.value - b.value) : 0) || a.number - b.number)
      .map(({ number }) => number);
  }

  arrange() {
    const shown = this.shown();
    const hadFocus = this.place.contains(document.activeElement);
    this.order = shown;
    this.place.replaceChildren(...shown.map((number) => this.tiles.get(number)));
    byId("shown").textContent = shown.length === this.data.classes.length ? "" : `${count(shown.length)} of ${several(this.data.classes.length, "class", "classes")} shown`;
    if (!shown.includes(this.focused)) this.focusable(shown.length ? shown[0] : null);
    if (hadFocus && this.focused !== null) this.focus(this.focused);
    this.look();
    this.showSelected();
  }

  showSelected() {
    let hidden = 0;
    const shown = new Set(this.order);
    for (const [number, tile] of this.tiles) {
      const selected = this.selection.has(number);
      tile.classList.toggle("selected", selected);
      tile.querySelector(".pick").setAttribute("aria-checked", `${selected}`);
      if (selected && !shown.has(number)) hidden += 1;
    }
    byId("shown").dataset.hidden = hidden ? `; ${several(hidden, "selected class is", "selected classes are")} hidden` : "";
  }

  // With Shift all between the last one picked and this one become what that one is.
  pick(number, range) {
    if (range && this.order.includes(this.anchor)) {
      const ends = [this.order.indexOf(this.anchor), this.order.indexOf(number)].sort((a, b) => a - b);
      this.selection.put(this.order.slice(ends[0], ends[1] + 1), this.selection.has(this.anchor));
    } else {
      this.anchor = number;
      this.selection.put([number], !this.selection.has(number));
    }
  }

  focusable(number) {
    const set = (of, index) => this.tiles.has(of) && this.tiles.get(of).querySelector(".pick").setAttribute("tabindex", index);
    set(this.focused, "-1");
    this.focused = number;
    set(number, "0");
  }

  focus(number) {
    if (this.tiles.has(number)) this.tiles.get(number).querySelector(".pick").focus();
  }

  key(event) {
    const moves = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: "down", ArrowUp: "up", Home: "first", End: "last" };
    if (event.key in moves) {
      const next = this.neighbour(moves[event.key]);
      if (event.shiftKey) {
        if (!this.order.includes(this.anchor)) this.anchor = this.focused;
        this.pick(next, true);
      }
      this.focus(next);
    } else if (event.key === "Enter" && event.target.classList.contains("pick")) this.openDetails(this.focused);
    else if (event.key === "a" && (event.ctrlKey || event.metaKey)) this.selection.put(this.order, true);
    else return;
    event.preventDefault();
  }

  neighbour(move) {
    const at = this.order.indexOf(this.focused);
    const last = this.order.length - 1;
    const columns = getComputedStyle(this.place).gridTemplateColumns.split(" ").length;
    const steps = { down: at + columns, up: at - columns, first: 0, last };
    const to = move in steps ? steps[move] : at + move;
    return this.order[to < 0 || to > last ? at : to];
  }
}

// What stands under an average besides its number and size; lines for what is known only.
function captionLines(entry, data) {
  const lines = [];
  const core = valueOf(entry, "core_share");
  if (entry.resolution || isNumber(entry.quality)) lines.push(`${length(valueOf(entry, "resolution"), data.unit)} · Q ${fixed(entry.quality, 2)}`);
  const trust = [isNumber(core) ? `core ${fixed(100 * core, 0)}%` : null, isNumber(entry.homogeneity) ? `H ${fixed(entry.homogeneity, 2)}` : null].filter(Boolean);
  if (trust.length) lines.push(trust.join(" · "));
  return lines;
}

function proposalBadge(entry) {
  if (entry.selected === undefined) return null;
  const why = entry.reason_names.map((name) => name.replaceAll("_", " ")).join(", ");
  return element("span", { class: entry.selected ? "badge keep" : "badge drop", title: entry.reasons.join("; ") }, entry.selected ? "keep" : `drop: ${why}`);
}
