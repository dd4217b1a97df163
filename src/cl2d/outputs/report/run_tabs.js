// What concerns the run as a whole: verdict, convergence, micrographs, and how it was made.

function showVerdict(data) {
  const { verdict, unit } = data;
  byId("run-name").textContent = data.run.name;
  document.title = `${data.run.name} – cl2d`;
  const facts = [
    [
      count(verdict.particles),
      verdict.particles === 1 ? "particle" : "particles",
      verdict.in_no_class ? `${count(verdict.in_no_class)} in no class` : null,
    ],
    [
      count(verdict.classes),
      verdict.classes === 1 ? "class" : "classes",
      verdict.empty_classes ? `${count(verdict.empty_classes)} empty` : null,
    ],
    verdict.kept_classes === null
      ? null
      : [
          percent(verdict.kept_particles / Math.max(verdict.particles, 1)),
          "proposed to keep",
          several(verdict.kept_classes, "class", "classes"),
        ],
    verdict.best_resolution === null
      ? null
      : [
          length(verdict.best_resolution, unit),
          "at best",
          `median ${length(verdict.median_resolution, unit)}`,
        ],
    verdict.core_share === null ? null : [percent(verdict.core_share), "in the cores", null],
    verdict.junk_share === null ? null : [percent(verdict.junk_share), "junk", null],
  ].filter(Boolean);
  byId("verdict").append(
    ...facts.map(([value, name, more]) =>
      element(
        "li",
        {},
        element("b", {}, value),
        ` ${name}`,
        more && element("small", {}, ` ${more}`),
      ),
    ),
  );
  if (!data.warnings.length) return;
  const box = byId("warnings");
  box.hidden = false;
  box.querySelector("summary").textContent = several(data.warnings.length, "warning", "warnings");
  box.querySelector("ul").append(...data.warnings.map((text) => element("li", {}, text)));
}

function showConvergence(data) {
  const place = byId("convergence");
  const steps = data.course.flatMap((level) => level.iterations);
  if (!steps.length) {
    fill(place, element("p", {}, "This run made no iterations."));
    return;
  }
  const x = steps.map((_, i) => i + 1);
  let first = 1;
  const marks = data.course.map((level) => {
    const mark = { at: first, label: `${level.n_classes}` };
    first += level.iterations.length;
    return mark;
  });
  const wide = {
    x,
    marks,
    // As wide as the screen, for letters keep their size within a chart.
    width: Math.min(900, Math.max(window.innerWidth - 20, 320)),
    height: 220,
    xLabel: "iteration",
  };
  const line = (values) => [{ y: values, dots: true }];
  // Where averages are new every image counts as changed, which would dwarf all that follows.
  const changed = steps.map((step) => (step.changed_percent === 100 ? null : step.changed_percent));
  const scores = steps.map((step) => step.mean_score);
  fill(
    place,
    lineChart({
      ...wide,
      title: "Images that changed their class (%)",
      words: `${fixed(changed.at(-1), 1)} % at last`,
      lines: line(changed),
      yRange: [0, Math.max(...changed.filter(isNumber), 1)],
      yLabel: "%",
    }),
    lineChart({
      ...wide,
      title: "Mean score",
      words: `${fixed(scores[0], 3)} at first, ${fixed(scores.at(-1), 3)} at last`,
      lines: line(scores),
      yLabel: "correlation",
    }),
    table(
      "Levels",
      [
        "level",
        "classes",
        "iterations",
        "of these settling",
        "exchanges",
        "changed at last",
        "mean score at last",
      ],
      data.course.map((level) => {
        const last = level.iterations.at(-1);
        return [
          level.level,
          level.n_classes,
          level.iterations.length,
          level.iterations.filter((step) => step.kinds.includes("settling")).length,
          Math.max(0, ...level.iterations.map((step) => step.exchange)),
          last ? `${count(last.changed)} (${fixed(last.changed_percent, 2)} %)` : UNKNOWN,
          last ? fixed(last.mean_score, 4) : UNKNOWN,
        ];
      }),
    ),
    element(
      "p",
      { class: "note" },
      "The first iteration of a level, whose averages are new, goes by correlation; all images count as changed then, which the chart leaves out. Upright lines: a level begins, with its number of classes. Settling iterations average the members that are sure of their class alone.",
    ),
  );
}

function showMicrographs(data) {
  const place = byId("micrographs");
  const { micrographs, junk_threshold: threshold, verdict } = data;
  const meaning = `Junk: ${[threshold === null ? null : `junk z of ${threshold} or more`, verdict.kept_classes === null ? null : "member of a class that is proposed to be dropped for what it shows"].filter(Boolean).join(", or ")}.`;
  if (!micrographs) {
    fill(
      place,
      element(
        "p",
        {},
        verdict.junk_share === null
          ? "Neither cores nor an evaluation tell what is junk in this run."
          : "The particles do not say which micrographs they are from.",
      ),
    );
    return;
  }
  const { course, group } = micrographs;
  fill(
    place,
    element(
      "p",
      {},
      `${several(micrographs.n_micrographs, "micrograph", "micrographs")}; ${percent(verdict.junk_share)} of the particles are junk. ${meaning}`,
    ),
    element(
      "div",
      { class: "charts" },
      barChart({
        title: "Micrographs by their share of junk",
        low: 0,
        high: 100 * micrographs.histogram_to,
        counts: micrographs.histogram,
        xLabel: "junk (%)",
      }),
      course.length > 1
        ? lineChart({
            title: "Junk in the order of the table (%)",
            words: `${count(course.length)} points`,
            x: course.map((_, i) => 1 + i * group),
            lines: [{ y: course.map((share) => 100 * share) }],
            yRange: [0, Math.max(1, ...course.map((share) => 100 * share))],
            xLabel: group > 1 ? `micrograph (means of ${group})` : "micrograph",
            yLabel: "%",
          })
        : null,
    ),
    micrographs.worst.length
      ? table(
          "Micrographs with most junk, by what is sure (lower limit of the 95 % interval of Wilson)",
          ["micrograph", "particles", "junk", "share"],
          micrographs.worst.map((row) => [row.name, row.particles, row.junk, percent(row.share)]),
        )
      : element("p", {}, "No micrograph has any."),
  );
}

const inWords = (value) => {
  if (value === null || value === undefined) return UNKNOWN;
  if (Array.isArray(value)) return value.map(inWords).join(", ");
  if (typeof value === "object")
    return Object.entries(value)
      .map(([name, part]) => `${name} ${inWords(part)}`)
      .join(", ");
  if (typeof value === "boolean") return value ? "yes" : "no";
  return isNumber(value) && !Number.isInteger(value)
    ? `${Number(value.toPrecision(5))}`
    : `${value}`;
};

const bytes = (value) => (isNumber(value) ? `${(value / 2 ** 20).toFixed(0)} MiB` : UNKNOWN);

function showRun(data) {
  const { provenance: made, run } = data;
  const pairs = (caption, values) =>
    table(
      caption,
      null,
      Object.entries(values).map(([name, value]) => [name.replaceAll("_", " "), inWords(value)]),
    );
  const total = Object.values(made.timings_seconds).reduce((a, b) => a + b, 0);
  const timings = Object.entries(made.timings_seconds).map(([phase, seconds]) => [
    phase,
    `${seconds.toFixed(1)} s`,
    element("meter", {
      min: 0,
      max: 1,
      value: seconds / (total || 1),
      "aria-label": percent(seconds / (total || 1), 0),
    }),
  ]);
  const memory = made.memory
    ? {
        storage: made.memory.storage,
        "bytes an image": made.memory.bytes_per_image,
        expected: bytes(made.memory.estimated_bytes),
        limit: bytes(made.memory.limit_bytes),
        "peak of the run": bytes(made.memory.peak_bytes),
      }
    : {};
  const options = made.options.map(({ stage, name, value, is_default: same }) => [
    stage,
    name,
    same ? inWords(value) : element("b", { title: "not the default" }, inWords(value)),
  ]);
  fill(
    byId("run"),
    element(
      "p",
      {},
      "Folder ",
      element("code", {}, run.folder),
      ", written ",
      made.written_at,
      ".",
    ),
    run.rejected
      ? element(
          "p",
          {},
          "What is in no core was classified, too: ",
          element("a", { href: run.rejected }, run.rejected),
        )
      : null,
    element(
      "div",
      { class: "command" },
      element("code", {}, made.command_line.map(shellQuoted).join(" ")),
    ),
    element(
      "div",
      { class: "tables" },
      pairs("Input", made.input),
      pairs("Chosen automatically or by options", made.automatic),
      table(
        `Timings (${total.toFixed(1)} s by the clock, ${fixed(made.cpu_seconds, 1)} s of processor time)`,
        null,
        timings,
      ),
      pairs("Memory", { ...memory, "peak of the process": bytes(made.peak_memory_bytes) }),
      ...showCluster(made.cluster),
      pairs("Machine", made.machine),
      pairs("Versions", made.versions),
    ),
    table("Options (bold: not the default)", ["stage", "option", "value"], options),
  );
}
