// The controls above the gallery: order, filters, and looks of the averages.

// Puts them into the page and returns the filters with their fields.
function galleryControls(gallery) {
  const { classes, pictures, verdict, unit } = gallery.data;
  const known = (key) => classes.some((entry) => isNumber(valueIn(entry, key)));
  const labelled = (label, control) => element("label", {}, element("span", {}, label), control);
  const choice = (id, name, options, act) =>
    element(
      "select",
      { id, "aria-label": name, onchange: act },
      options.map(([value, label]) => element("option", { value }, label)),
    );
  const sort = choice(
    "sort",
    "Order by",
    MEASURES.filter(({ key }) => known(key)).map(({ key, label }) => [key, label]),
    () => gallery.arrange(),
  );
  const reverse = element(
    "button",
    {
      type: "button",
      id: "reverse",
      "aria-pressed": "false",
      title: "Reverse the order",
      onclick: () => {
        reverse.setAttribute("aria-pressed", `${reverse.getAttribute("aria-pressed") !== "true"}`);
        gallery.arrange();
      },
    },
    "reverse",
  );
  const filters = FILTERS.filter(({ key }) => known(key)).map((filter) => ({
    ...filter,
    input: element("input", {
      id: filter.id,
      type: "number",
      min: 0,
      step: filter.step,
      inputmode: "decimal",
      oninput: () => gallery.arrange(),
    }),
  }));
  const states = [
    ["any", "all"],
    ...(verdict.kept_classes === null
      ? []
      : [
          ["kept", "to keep"],
          ["dropped", "to drop"],
        ]),
    ["selected", "selected"],
    ["unselected", "not selected"],
  ];
  const clear = element(
    "button",
    {
      type: "button",
      id: "clear",
      onclick: () => {
        for (const { input } of filters) input.value = "";
        byId("state").value = "any";
        gallery.arrange();
      },
    },
    "clear filters",
  );
  const looks = (id, attributes) =>
    element("input", { id, type: "range", ...attributes, oninput: () => gallery.look() });
  const stacks = Object.keys(STACKS)
    .filter((name) => pictures[name])
    .map((name) => [name, STACKS[name]]);
  byId("filters").append(
    element("fieldset", {}, element("legend", {}, "Order"), sort, reverse),
    element(
      "fieldset",
      {},
      element("legend", {}, "Show"),
      choice("state", "Classes to show", states, () => gallery.arrange()),
      filters.map(({ label, input, key }) =>
        labelled(key === "resolution" ? `${label} (${unit})` : label, input),
      ),
      clear,
    ),
    element(
      "fieldset",
      { class: "looks" },
      element("legend", {}, "Averages"),
      stacks.length > 1 ? choice("stack", "Averages of", stacks, () => gallery.look()) : null,
      labelled(
        "size",
        looks("tile-size", { min: 72, max: 280, step: 4, value: classes.length > 100 ? 124 : 132 }),
      ),
      labelled("contrast", looks("contrast", { min: 0.4, max: 2.5, step: 0.1, value: 1 })),
      labelled(
        "captions",
        element("input", {
          id: "captions",
          type: "checkbox",
          checked: true,
          onchange: () => gallery.look(),
        }),
      ),
      scaleBarControl(gallery),
    ),
  );
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  return filters;
}

function scaleBarControl(gallery) {
  if (gallery.data.pixel_size_angstrom === null) return null;
  const box = gallery.data.box_px * gallery.data.pixel_size_angstrom;
  const bar = scaleBarAngstrom(box / 2);
  gallery.place.style.setProperty("--bar", `${(100 * bar) / box}%`);
  return element(
    "span",
    { class: "bar-length" },
    element("span", { class: "bar-sample" }),
    `bar: ${bar} Å`,
  );
}
