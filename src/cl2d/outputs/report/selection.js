// Which classes are selected: kept in the address of the page and in the browser, read from and
// written to the files that cl2d takes.

const SELECTION_FORMAT = 1;

class Selection {
  constructor(data) {
    this.data = data;
    this.numbers = data.classes.map((entry) => entry.number);
    this.chosen = new Set();
    this.listeners = [];
  }

  has(number) {
    return this.chosen.has(number);
  }

  // In ascending order.
  list() {
    return this.numbers.filter((number) => this.chosen.has(number));
  }

  proposal() {
    return this.data.classes.filter((entry) => entry.selected).map((entry) => entry.number);
  }

  particles() {
    return this.data.classes.reduce(
      (sum, entry) => sum + (this.chosen.has(entry.number) ? entry.members : 0),
      0,
    );
  }

  replace(numbers) {
    const known = new Set(this.numbers);
    this.chosen = new Set(numbers.filter((number) => known.has(number)));
    this.changed();
  }

  put(numbers, selected) {
    for (const number of numbers) {
      if (selected) this.chosen.add(number);
      else this.chosen.delete(number);
    }
    this.changed();
  }

  invert() {
    this.replace(this.numbers.filter((number) => !this.chosen.has(number)));
  }

  whenChanged(listener) {
    this.listeners.push(listener);
  }

  changed() {
    this.keep();
    for (const listener of this.listeners) listener();
  }

  key() {
    return `cl2d selection ${this.data.run.id}`;
  }

  // The address survives a reload and a bookmark; the browser's store also a new visit, where it
  // is allowed for pages from a disk.
  keep() {
    const text = ranges(this.list());
    try {
      const address = new URLSearchParams({ run: this.data.run.id, classes: text });
      history.replaceState(null, "", `#${address}`);
    } catch {
      /* not every viewer of pages has an address */
    }
    try {
      localStorage.setItem(this.key(), text);
    } catch {
      /* the address has it */
    }
  }

  // What was kept of this run, or else the proposal.
  restore() {
    const address = new URLSearchParams(location.hash.slice(1));
    let text = address.get("run") === this.data.run.id ? address.get("classes") : null;
    if (text === null)
      try {
        text = localStorage.getItem(this.key());
      } catch {
        /* there is none */
      }
    this.replace(text === null ? this.proposal() : numbersIn(text, this.numbers.length));
  }

  fileName() {
    return `${this.data.run.name.replaceAll(/[^\w.-]+/g, "_") || "cl2d"}_selection.json`;
  }

  fileText() {
    const { run } = this.data;
    const content = {
      format: SELECTION_FORMAT,
      run: { id: run.id, folder: run.folder, n_classes: this.numbers.length },
      particles: this.particles(),
      classes: this.list(),
    };
    return `${JSON.stringify(content, null, 1)}\n`;
  }

  // Take the classes of a file; returns why not, if not.
  takeFile(text) {
    let content;
    try {
      content = JSON.parse(text);
    } catch {
      return "this file is no JSON";
    }
    const numbers = Array.isArray(content) ? content : content?.classes;
    if (!Array.isArray(numbers) || !numbers.every(Number.isInteger))
      return "this file holds no list of class numbers";
    const run = content.run;
    if (run?.id && run.id !== this.data.run.id)
      return `this selection was made in another run, ${run.folder}`;
    const strange = numbers.filter((number) => !this.numbers.includes(number));
    if (strange.length) return `this run has no class ${strange.slice(0, 5).join(", ")}`;
    this.replace(numbers);
    return null;
  }

  // Command lines that write the particles: one with the classes, one with the saved file.
  commands(subset) {
    const folder = shellQuoted(this.data.run.folder);
    const end = `${subset === "all" ? "" : ` --subset ${subset}`} -o selected.star`;
    return [
      `cl2d select ${folder} --classes ${ranges(this.list())}${end}`,
      `cl2d select ${folder} --selection ${shellQuoted(this.fileName())}${end}`,
    ];
  }
}

function offerFile(name, text) {
  const address = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  const link = element("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}
