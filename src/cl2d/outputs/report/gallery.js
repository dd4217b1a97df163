// The gallery of class averages: in some order, through some filters, to be selected from.

class Gallery {
  constructor(data, selection, openDetails) {
    Object.assign(this, { data, selection, openDetails, anchor: null, focused: null });
    this.place = byId("gallery");
    this.tiles = new Map(data.classes.map((entry) => [entry.number, this.tile(entry)]));
    this.filters = galleryControls(this);
    this.place.addEventListener("keydown", (event) => this.key(event));
    selection.whenChanged(() => this.showSelected());
    this.arrange();
  }

  tile(entry) {
    const { number } = entry;
    const picture = element("img", { alt: "", decoding: "async", draggable: "false" });
    const bar =
      this.data.unit === "px" ? null : element("span", { class: "scale", "aria-hidden": "true" });
    const said = `Class ${number}, ${several(entry.members, "particle", "particles")}, ${percent(entry.share)}`;
    const pick = element(
      "button",
      {
        type: "button",
        role: "checkbox",
        class: "pick",
        tabindex: "-1",
        "aria-label": `${said}, ${captionLines(entry, this.data).join(", ")}`,
        onclick: (event) => this.pick(number, event.shiftKey),
        ondblclick: () => this.openDetails(number),
        onfocus: () => this.focusable(number),
      },
      element(
        "span",
        { class: "picture" },
        picture,
        bar,
        element("span", { class: "tick", "aria-hidden": "true" }, "✓"),
      ),
    );
    const more = element(
      "button",
      {
        type: "button",
        class: "more",
        tabindex: "-1",
        "aria-label": `Details of class ${number}`,
        title: "Details",
        onclick: () => this.openDetails(number),
      },
      "i",
    );
    const caption = element(
      "div",
      { class: "caption", "aria-hidden": "true" },
      element("b", {}, `${number}`),
      element("span", { class: "size" }, ` ${count(entry.members)} (${percent(entry.share)})`),
      captionLines(entry, this.data).map((line) => element("span", { class: "line" }, line)),
      proposalBadge(entry),
      " ",
      mixedBadge(entry) || "",
    );
    return element("div", { class: "tile", "data-number": number }, pick, more, caption);
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
    const limits = this.filters
      .filter(({ input }) => input.value !== "")
      .map((filter) => [filter, Number(filter.input.value)]);
    const states = {
      any: () => true,
      kept: (entry) => entry.selected,
      dropped: (entry) => entry.selected === false,
      selected: (entry) => this.selection.has(entry.number),
      unselected: (entry) => !this.selection.has(entry.number),
    };
    const inState = states[byId("state").value];
    const key = byId("sort").value;
    const sign =
      (measureOf(key).ascending ? 1 : -1) *
      (byId("reverse").getAttribute("aria-pressed") === "true" ? -1 : 1);
    const passing = this.data.classes.filter(
      (entry) => inState(entry) && limits.every(([filter, limit]) => filter.passes(entry, limit)),
    );
    return passing
      .map((entry) => ({ number: entry.number, value: valueIn(entry, key) }))
      .sort(
        (a, b) =>
          Number(isNumber(b.value)) - Number(isNumber(a.value)) ||
          (isNumber(a.value) ? sign * (a.value - b.value) : 0) ||
          a.number - b.number,
      )
      .map(({ number }) => number);
  }

  arrange() {
    const shown = this.shown();
    const hadFocus = this.place.contains(document.activeElement);
    this.order = shown;
    this.place.replaceChildren(...shown.map((number) => this.tiles.get(number)));
    byId("shown").textContent =
      shown.length === this.data.classes.length
        ? ""
        : `${count(shown.length)} of ${several(this.data.classes.length, "class", "classes")} shown`;
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
    byId("shown").dataset.hidden = hidden
      ? `; ${several(hidden, "selected class is", "selected classes are")} hidden`
      : "";
  }

  // With Shift all between the last one picked and this one become what that one is.
  pick(number, range) {
    if (range && this.order.includes(this.anchor)) {
      const ends = [this.order.indexOf(this.anchor), this.order.indexOf(number)].sort(
        (a, b) => a - b,
      );
      this.selection.put(this.order.slice(ends[0], ends[1] + 1), this.selection.has(this.anchor));
    } else {
      this.anchor = number;
      this.selection.put([number], !this.selection.has(number));
    }
  }

  focusable(number) {
    const set = (of, index) =>
      this.tiles.has(of) &&
      this.tiles.get(of).querySelector(".pick").setAttribute("tabindex", index);
    set(this.focused, "-1");
    this.focused = number;
    set(number, "0");
  }

  focus(number) {
    if (this.tiles.has(number)) this.tiles.get(number).querySelector(".pick").focus();
  }

  key(event) {
    const moves = {
      ArrowRight: 1,
      ArrowLeft: -1,
      ArrowDown: "down",
      ArrowUp: "up",
      Home: "first",
      End: "last",
    };
    if (event.key in moves) {
      const next = this.neighbour(moves[event.key]);
      if (event.shiftKey) {
        if (!this.order.includes(this.anchor)) this.anchor = this.focused;
        this.pick(next, true);
      }
      this.focus(next);
    } else if (event.key === "Enter" && event.target.classList.contains("pick"))
      this.openDetails(this.focused);
    else if (event.key === "a" && (event.ctrlKey || event.metaKey))
      this.selection.put(this.order, true);
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
