// The parts of what is told of one class: averages, figures, curve, members, histograms.

const SMALL = { width: 226, height: 130 };

function proposalPart(entry) {
  if (entry.selected === undefined) return null;
  return element("span", {}, proposalBadge(entry), ` ${entry.reasons.join("; ")}`);
}

function averagesPart(data, number) {
  const { pictures, box_px: box, pixel_size_angstrom: size } = data;
  const shown = Object.keys(STACKS).filter((name) => pictures[name]);
  const bar = size === null ? null : scaleBarAngstrom((box * size) / 2);
  const figure = (name) =>
    element(
      "figure",
      { class: "average" },
      element(
        "span",
        { class: "picture" },
        element("img", { src: pictures[name][number - 1], alt: `Average of ${STACKS[name]}` }),
        bar &&
          element("span", { class: "scale", style: { width: `${(100 * bar) / (box * size)}%` } }),
      ),
      element("figcaption", {}, STACKS[name]),
    );
  return element(
    "div",
    { class: "averages" },
    shown.map(figure),
    bar && element("p", { class: "note" }, `bar: ${bar} Å`),
  );
}

function factsPart(data, entry) {
  const { unit } = data;
  const share = (members) =>
    `${count(members)} (${percent(entry.members ? members / entry.members : null)})`;
  const [half, seventh] = entry.resolution || [];
  const rows = [
    ["members", `${count(entry.members)} (${percent(entry.share)} of all in a class)`],
    isNumber(entry.core_members) && ["core", share(entry.core_members)],
    isNumber(entry.stable_core_members) && ["stable core", share(entry.stable_core_members)],
    entry.resolution && [
      "resolution",
      `${length(half, unit)} (FRC 0.5), ${length(seventh, unit)} (0.143)`,
    ],
    isNumber(entry.quality) && ["quality", fixed(entry.quality, 2)],
    isNumber(entry.homogeneity) && [
      "homogeneity",
      `${fixed(entry.homogeneity, 2)} (cut in two it gains ${fixed(entry.split_gain, 4)} ± ${fixed(entry.split_gain_error, 4)} a member)`,
    ],
    ["mean score", fixed(entry.mean_score, 3)],
    ["mean confidence", fixed(entry.mean_confidence, 2)],
    isNumber(entry.reference) && ["reference", count(entry.reference)],
  ].filter(Boolean);
  return element(
    "dl",
    {},
    rows.map(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]),
  );
}

function curvePart(data, number) {
  const { curves, pixel_size_angstrom: size } = data;
  if (!curves)
    return element("p", { class: "note" }, "Resolution was not measured; cl2d evaluate does.");
  const y = curves.frc[number - 1];
  if (!y)
    return element(
      "p",
      { class: "note" },
      "This class has too few members to be halved, so its resolution is not known.",
    );
  const [half] = data.classes[number - 1].resolution;
  const x = curves.frequency_per_px;
  const ticks = [0.1, 0.2, 0.3, 0.4, 0.5].map((at) => ({
    at,
    label: size === null ? at.toFixed(1) : (size / at).toFixed(1),
  }));
  return lineChart({
    title: "Fourier ring correlation between half-sets",
    words: `It falls below 0.5 at ${length(half, data.unit)}`,
    x,
    lines: [{ y }],
    levels: curves.thresholds.map((at) => ({ at, label: `${at}` })),
    yRange: [Math.min(0, ...y.filter(isNumber)), 1],
    marks: [{ at: curves.compared_to_per_px, label: "compared up to here" }],
    xTicks: ticks,
    xLabel: size === null ? "spatial frequency (1/px)" : "resolution (Å)",
    yLabel: "FRC",
  });
}

function membersPart(data, number) {
  const { members } = data;
  if (members.missing)
    return element("p", { class: "note" }, `No pictures of members: ${members.missing}`);
  const strip = members.strips[number - 1];
  if (!strip) return null;
  const best = members.best[number - 1],
    worst = members.worst[number - 1];
  const n = best.length + worst.length;
  const tile = (fact, i) =>
    element("span", {
      class: `member${fact.core === false ? " outside" : ""}`,
      role: "img",
      title: memberWords(fact),
      "aria-label": memberWords(fact),
      style: {
        "background-image": `url("${strip}")`,
        "background-size": `${100 * n}% 100%`,
        "background-position": `${n > 1 ? (100 * i) / (n - 1) : 0}% 0`,
      },
    });
  const row = (title, facts, first) =>
    facts.length
      ? element(
          "figure",
          {},
          element("figcaption", {}, title),
          element(
            "div",
            { class: "strip" },
            facts.map((fact, i) => tile(fact, first + i)),
          ),
        )
      : null;
  return element(
    "div",
    {},
    row("Members of highest score", best, 0),
    row("Members of lowest score", worst, best.length),
    element(
      "p",
      { class: "note" },
      `Laid over the average and low-passed to about ${members.low_pass}; ${best[0] && "core" in best[0] ? "those outside the core have a dashed frame; " : ""}point at one for its row and scores.`,
    ),
  );
}

function histogramsPart(data, number) {
  const { distributions: all, run } = data;
  const chart = (name, title, xLabel, note, options = {}) => {
    const spread = all[name];
    if (!spread) return null;
    return barChart({
      title,
      xLabel,
      note,
      low: spread.low,
      high: spread.high,
      counts: spread.classes[number - 1],
      whole: spread.all,
      threshold: spread.threshold,
      ...SMALL,
      ...options,
    });
  };
  const core = all.score.core ? { part: all.score.core[number - 1] } : {};
  const lead =
    run.similarity === "likelihood"
      ? "in units of b c − b²/2, by which classes are chosen"
      : "in the score by which classes are chosen";
  return element(
    "div",
    { class: "charts" },
    chart(
      "score",
      "Score of the members",
      "correlation with the class",
      core.part ? "dark: core" : null,
      core,
    ),
    chart("margin", "Lead over the best other class", "lead", null),
    chart("confidence", "Confidence", "probability that the class is right", null),
    chart(
      "junk_zscore",
      "Junk z",
      "junk z",
      isNumber(all.junk_zscore?.threshold) ? "dashed: threshold of the cores" : null,
    ),
    chart("shift", "Shift", `length of the shift (${all.shift.unit})`, null),
    chart("angle", "In-plane rotation", "psi (°)", null),
    element(
      "p",
      { class: "note" },
      "Line around the bars: all particles of the run, scaled to this class.",
    ),
    all.margin
      ? element(
          "p",
          { class: "note" },
          `Scores of images that are not members are not stored. The lead is by how much a member fits its class better than its second best, ${lead}; near 0 it fits another class as well.`,
        )
      : null,
  );
}

const memberWords = (fact) =>
  [
    `row ${count(fact.row)}`,
    `score ${fixed(fact.score, 3)}`,
    `confidence ${fixed(fact.confidence, 2)}`,
    "junk_zscore" in fact ? `junk z ${fixed(fact.junk_zscore, 1)}` : null,
    fact.core === false ? "not in the core" : null,
  ]
    .filter(Boolean)
    .join(", ");
