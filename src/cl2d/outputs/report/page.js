// Puts the parts of the page together.

const THEME_KEY = "cl2d theme";

function themeButton() {
  const button = byId("theme");
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const current = () => document.documentElement.dataset.theme || (dark.matches ? "dark" : "light");
  const show = () => {
    button.textContent = current() === "dark" ? "☀ light" : "☾ dark";
  };
  try {
    const kept = localStorage.getItem(THEME_KEY);
    if (kept === "dark" || kept === "light") document.documentElement.dataset.theme = kept;
  } catch {
    /* the system's preference holds */
  }
  button.addEventListener("click", () => {
    const other = current() === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = other;
    try {
      localStorage.setItem(THEME_KEY, other);
    } catch {
      /* until the next visit, then */
    }
    show();
  });
  dark.addEventListener("change", show);
  show();
}

function tabs() {
  const all = [...document.querySelectorAll('[role="tab"]')];
  const choose = (chosen) => {
    for (const tab of all) {
      tab.setAttribute("aria-selected", `${tab === chosen}`);
      tab.setAttribute("tabindex", tab === chosen ? "0" : "-1");
      byId(tab.getAttribute("aria-controls")).hidden = tab !== chosen;
    }
  };
  all.forEach((tab, i) => {
    tab.addEventListener("click", () => choose(tab));
    tab.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!by) return;
      const next = all[(i + by + all.length) % all.length];
      choose(next);
      next.focus();
    });
  });
  choose(all[0]);
}

function start() {
  const data = JSON.parse(byId("data").textContent);
  const selection = new Selection(data);
  const panel = new ClassPanel(data, selection);
  const gallery = new Gallery(data, selection, (number) => panel.open(number));
  panel.order = () => gallery.order;
  panel.whenClosed = (number) => gallery.focus(number);
  showVerdict(data);
  new ClassTree(data, selection, panel);
  showConvergence(data);
  showMicrographs(data);
  showRun(data);
  selectionBar(data, selection, gallery);
  themeButton();
  tabs();
  // On a narrow screen the classes come first.
  if (matchMedia("(max-width: 860px)").matches) byId("controls").open = false;
  selection.restore();
  document.documentElement.dataset.ready = "yes";
}

start();
