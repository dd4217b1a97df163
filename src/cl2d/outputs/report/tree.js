// The hierarchy: classes of all levels, each beside those that came from it.

class ClassTree {
  constructor(data, selection, panel) {
    Object.assign(this, { data, selection, panel });
    this.place = byId("hierarchy");
    this.leaves = new Map();
    this.toggles = [];
    if (data.tree.length < 2) {
      fill(this.place, element("p", {}, "This run has one level: there is no hierarchy to show."));
      return;
    }
    this.children = data.tree.map((_level, i) => {
      const found = new Map();
      const next = data.tree[i + 1];
      if (next)
        for (const entry of next.classes)
          if (entry.parent !== null)
            found.set(entry.parent, [...(found.get(entry.parent) || []), entry]);
      return found;
    });
    this.build();
    selection.whenChanged(() => this.showSelected());
    this.showSelected();
  }

  build() {
    const { tree } = this.data;
    const depth = element(
      "select",
      { id: "depth", onchange: () => this.openTo(Number(depth.value)) },
      tree.map(({ level, classes }, i) =>
        element(
          "option",
          { value: i },
          `level ${level}: ${several(classes.length, "class", "classes")}`,
        ),
      ),
    );
    const roots = tree.flatMap((level, i) =>
      level.classes
        .filter((entry) => i === 0 || entry.parent === null)
        .map((entry) => this.branch(i, entry)),
    );
    fill(
      this.place,
      element(
        "div",
        { class: "tree-head" },
        element("label", {}, "open down to ", depth),
        element(
          "p",
          { class: "note" },
          "A class opens its details, with the ways particles took between levels; the sign beside it folds what came from it.",
        ),
      ),
      element("ul", { class: "tree" }, roots),
    );
    const last = tree.length - 1;
    depth.value = `${last}`;
    this.openTo(last);
  }

  branch(level, entry) {
    const { data } = this;
    const last = level === data.tree.length - 1;
    const below = this.children[level].get(entry.number) || [];
    const words = `Level ${data.tree[level].level}, class ${entry.number}, ${several(entry.members, "member", "members")}`;
    const node = element(
      "button",
      {
        type: "button",
        class: "node",
        "aria-label": words,
        onclick: () =>
          last ? this.panel.open(entry.number) : this.panel.openEarlier(level, entry.number),
      },
      element("img", {
        src: treePicture(data, level, entry.number),
        alt: "",
        loading: "lazy",
        decoding: "async",
      }),
      element("span", {}, element("b", {}, `${entry.number}`), element("br"), count(entry.members)),
    );
    if (last) this.leaves.set(entry.number, node);
    const list = element(
      "ul",
      {},
      below.map((child) => this.branch(level + 1, child)),
    );
    const toggle = below.length
      ? element("button", {
          type: "button",
          class: "fold",
          "aria-label": `What came from level ${data.tree[level].level}, class ${entry.number}`,
        })
      : null;
    const branch = element(
      "li",
      {},
      element("div", { class: "twig" }, node, toggle),
      below.length ? list : null,
    );
    if (toggle) {
      const set = (open) => {
        toggle.setAttribute("aria-expanded", `${open}`);
        toggle.textContent = open ? "−" : `+ ${count(below.length)}`;
        list.hidden = !open;
      };
      toggle.addEventListener("click", () => set(toggle.getAttribute("aria-expanded") !== "true"));
      this.toggles.push({ level, set });
    }
    return branch;
  }

  openTo(depth) {
    for (const { level, set } of this.toggles) set(level < depth);
  }

  showSelected() {
    for (const [number, node] of this.leaves)
      node.classList.toggle("selected", this.selection.has(number));
  }
}
