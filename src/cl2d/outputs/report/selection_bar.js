// The bar at the foot of the page: how much is selected, and what can be done with it.

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    /* pages from a disk may not be trusted with it */
  }
  const field = element("textarea", { style: { position: "fixed", opacity: "0" } });
  field.value = text;
  document.body.append(field);
  field.select();
  let copied = false;
  try {
    copied = document.execCommand("copy");
  } catch {
    /* tell that it was not */
  }
  field.remove();
  return copied;
}

function commandLine(label, id) {
  const code = element("code", { id, tabindex: "0", "aria-label": label });
  const button = element(
    "button",
    {
      type: "button",
      id: `copy-${id}`,
      "aria-label": `Copy: ${label}`,
      onclick: async () => {
        button.textContent = (await copyText(code.textContent)) ? "Copied" : "Not copied";
        setTimeout(() => {
          button.textContent = "Copy";
        }, 1500);
      },
    },
    "Copy",
  );
  return element("div", { class: "command" }, code, button);
}

function selectionBar(data, selection, gallery) {
  const bar = byId("selection");
  const status = element("p", { id: "count", role: "status" });
  const message = element("p", { id: "message", role: "alert" });
  const button = (id, label, act, title) =>
    element("button", { type: "button", id, title, onclick: act }, label);
  const evaluated = data.verdict.kept_classes !== null;
  const file = element("input", {
    type: "file",
    id: "load",
    accept: ".json,application/json",
    class: "hidden-input",
    tabindex: "-1",
    "aria-label": "Selection file",
    onchange: async () => {
      const [chosen] = file.files;
      if (!chosen) return;
      message.textContent = selection.takeFile(await chosen.text()) || "";
      file.value = "";
    },
  });
  const subsets = [
    "all",
    ...(data.verdict.core_share === null
      ? []
      : ["core", ...(data.pictures.stable_core ? ["stable-core"] : []), "rejected"]),
  ];
  const subset = element(
    "select",
    { id: "subset", onchange: () => show() },
    subsets.map((name) =>
      element("option", { value: name }, name === "all" ? "all members" : name.replace("-", " ")),
    ),
  );
  const show = () => {
    const classes = selection.list();
    const particles = selection.particles();
    status.textContent = `${count(classes.length)} of ${several(data.classes.length, "class", "classes")} selected: ${count(particles)} of ${several(data.verdict.particles, "particle", "particles")} (${percent(particles / Math.max(data.verdict.particles, 1))})`;
    const [byNumbers, byFile] = classes.length
      ? selection.commands(subset.value)
      : ["(select a class first)", "(select a class first)"];
    byId("command").textContent = byNumbers;
    byId("file-command").textContent = byFile;
    byId("save").disabled = !classes.length;
    message.textContent = "";
  };
  fill(
    bar,
    status,
    element(
      "div",
      { class: "buttons", role: "group", "aria-label": "Change the selection" },
      button("all", "All", () => selection.replace(selection.numbers), "All classes"),
      button("none", "None", () => selection.replace([]), "No class"),
      button("invert", "Invert", () => selection.invert(), "Those that are not selected"),
      evaluated
        ? button(
            "proposal",
            "Proposal",
            () => selection.replace(selection.proposal()),
            "The classes that the run proposes to keep",
          )
        : null,
      button(
        "add-shown",
        "+ shown",
        () => selection.put(gallery.shown(), true),
        "Add the classes that pass the filters",
      ),
      button(
        "drop-shown",
        "− shown",
        () => selection.put(gallery.shown(), false),
        "Take away the classes that pass the filters",
      ),
    ),
    element(
      "div",
      { class: "buttons", role: "group", "aria-label": "Selection as a file" },
      button(
        "save",
        "Save selection",
        () => offerFile(selection.fileName(), selection.fileText()),
        "Download a file for cl2d select and cl2d cores",
      ),
      button("load-button", "Load …", () => file.click(), "Take the selection from such a file"),
      file,
    ),
    element(
      "details",
      { id: "use" },
      element("summary", {}, "Command lines"),
      element("label", {}, "Members ", subset),
      element("p", {}, "Write the particles of the selected classes:"),
      commandLine("command with the class numbers", "command"),
      element("p", {}, "or, where the saved file lies:"),
      commandLine("command with the saved file", "file-command"),
    ),
    message,
  );
  selection.whenChanged(show);
  show();
}
