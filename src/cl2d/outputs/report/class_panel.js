// The panel beside the gallery: everything that is known of one class.

class ClassPanel {
  constructor(data, selection) {
    Object.assign(this, { data, selection, order: () => selection.numbers, whenClosed: () => {} });
    this.place = byId("panel");
    this.number = null;
    this.place.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.close();
    });
    selection.whenChanged(() => {
      const box = byId("panel-selected");
      if (box && this.number !== null) box.checked = selection.has(this.number);
    });
  }

  // The focus goes back to where it came from, or to the average of the class that was shown.
  close() {
    this.place.hidden = true;
    this.opener?.focus();
    this.whenClosed(this.number);
    this.number = null;
  }

  show(title, content, steps = []) {
    const heading = element("h2", { tabindex: "-1" }, title);
    this.place.replaceChildren(
      element(
        "div",
        { class: "panel-head" },
        heading,
        steps,
        element(
          "button",
          {
            type: "button",
            id: "panel-close",
            "aria-label": "Close the details",
            onclick: () => this.close(),
          },
          "×",
        ),
      ),
      element("div", { class: "panel-body" }, content),
    );
    if (this.place.hidden) this.opener = document.activeElement;
    this.place.hidden = false;
    this.place.scrollTop = 0;
    heading.focus({ preventScroll: true });
  }

  open(number) {
    const { data } = this;
    const entry = data.classes[number - 1];
    this.number = number;
    const selected = element("input", {
      type: "checkbox",
      id: "panel-selected",
      onchange: () => this.selection.put([number], selected.checked),
    });
    selected.checked = this.selection.has(number);
    this.show(
      `Class ${number}`,
      [
        element(
          "div",
          { class: "state" },
          element("label", {}, selected, " selected"),
          proposalPart(entry),
          mixedBadge(entry),
        ),
        averagesPart(data, number),
        factsPart(data, entry),
        curvePart(data, number),
        membersPart(data, number),
        histogramsPart(data, number),
        this.origin(number),
      ],
      [this.step("Previous class", "‹", -1), this.step("Next class", "›", 1)],
    );
  }

  step(label, sign, by) {
    const order = this.order();
    const to = order[order.indexOf(this.number) + by];
    return element(
      "button",
      {
        type: "button",
        "aria-label": label,
        disabled: to === undefined,
        onclick: () => this.open(to),
      },
      sign,
    );
  }

  origin(number) {
    const { tree } = this.data;
    if (tree.length < 2) return null;
    const last = tree.length - 1;
    return element(
      "div",
      {},
      element("h3", {}, `Where its members were at level ${tree[last - 1].level}`),
      wayList(
        tree,
        last - 1,
        tree[last].classes[number - 1].came_from,
        tree[last].classes[number - 1].members,
        (level, other) => this.openEarlier(level, other),
      ),
    );
  }

  // A class of a level before the last.
  openEarlier(level, number) {
    const { tree } = this.data;
    const entry = tree[level].classes[number - 1];
    const follow = (to, other) =>
      to === tree.length - 1 ? this.open(other) : this.openEarlier(to, other);
    const ways = (title, to, list) =>
      list.length
        ? element(
            "div",
            {},
            element("h3", {}, title),
            wayList(tree, to, list, entry.members, follow),
          )
        : null;
    this.number = null;
    this.show(`Level ${tree[level].level}, class ${number}`, [
      element(
        "div",
        { class: "averages" },
        element(
          "figure",
          { class: "average" },
          element(
            "span",
            { class: "picture" },
            element("img", { src: entry.picture, alt: "Average" }),
          ),
          element("figcaption", {}, several(entry.members, "member", "members")),
        ),
      ),
      level > 0
        ? ways(
            `Where its members were at level ${tree[level - 1].level}`,
            level - 1,
            entry.came_from,
          )
        : null,
      ways(`Where they are at level ${tree[level + 1].level}`, level + 1, entry.went_to),
    ]);
  }
}

const treePicture = (data, level, number) =>
  level === data.tree.length - 1
    ? data.pictures.all[number - 1]
    : data.tree[level].classes[number - 1].picture;

function wayList(_tree, level, ways, members, open) {
  return element(
    "ul",
    { class: "ways" },
    ways.map(([number, n]) =>
      element(
        "li",
        {},
        element(
          "button",
          { type: "button", onclick: () => open(level, number) },
          `class ${number}`,
        ),
        element("meter", {
          min: 0,
          max: 1,
          value: n / Math.max(members, 1),
          "aria-hidden": "true",
        }),
        ` ${several(n, "particle", "particles")} (${percent(n / Math.max(members, 1), 0)})`,
      ),
    ),
  );
}
