// What classes are ordered and filtered by, and what is said of each in a few words.

const MEASURES = [
  { key: "number", label: "number (size)", ascending: true },
  {
    key: "resolution",
    label: "resolution",
    ascending: true,
    of: (entry) => (entry.resolution ? entry.resolution[0] : null),
  },
  { key: "quality", label: "quality" },
  { key: "likeness_rank", label: "likeness", ascending: true },
  { key: "homogeneity", label: "homogeneity" },
  {
    key: "core_share",
    label: "core share",
    of: (entry) =>
      isNumber(entry.core_members) && entry.members ? entry.core_members / entry.members : null,
  },
  { key: "mean_score", label: "mean score" },
  { key: "mean_confidence", label: "confidence" },
];

const measureOf = (key) => MEASURES.find((measure) => measure.key === key);

function valueIn(entry, key) {
  const measure = measureOf(key);
  return measure?.of ? measure.of(entry) : entry[key];
}

// Filters: a number, and whether a class passes it.
const FILTERS = [
  {
    id: "min-size",
    label: "min. size",
    key: "number",
    step: 1,
    passes: (entry, limit) => entry.members >= limit,
  },
  {
    id: "max-resolution",
    label: "max. resolution",
    key: "resolution",
    step: 0.5,
    passes: (entry, limit) =>
      isNumber(valueIn(entry, "resolution")) && valueIn(entry, "resolution") <= limit,
  },
  {
    id: "min-quality",
    label: "min. quality",
    key: "quality",
    step: 0.05,
    passes: (entry, limit) => entry.quality >= limit,
  },
  {
    id: "min-core",
    label: "min. core %",
    key: "core_share",
    step: 1,
    passes: (entry, limit) => 100 * valueIn(entry, "core_share") >= limit,
  },
  {
    id: "min-homogeneity",
    label: "min. homogeneity",
    key: "homogeneity",
    step: 0.05,
    passes: (entry, limit) => entry.homogeneity >= limit,
  },
];

const STACKS = { all: "all members", core: "cores", stable_core: "stable cores" };

// What stands under an average besides its number and size; lines for what is known only.
function captionLines(entry, data) {
  const lines = [];
  const core = valueIn(entry, "core_share");
  if (entry.resolution || isNumber(entry.quality))
    lines.push(`${length(valueIn(entry, "resolution"), data.unit)} · Q ${fixed(entry.quality, 2)}`);
  const trust = [
    isNumber(core) ? `core ${fixed(100 * core, 0)}%` : null,
    isNumber(entry.homogeneity) ? `H\u00a0${fixed(entry.homogeneity, 2)}` : null,
  ].filter(Boolean);
  if (trust.length) lines.push(trust.join(" · "));
  return lines;
}

// What the run surely finds wrong with the homogeneity of a class.
const MIXED = 0.05;

const mixedBadge = (entry) =>
  isNumber(entry.homogeneity) && entry.homogeneity < MIXED
    ? element(
        "span",
        { class: "badge mixed", title: "cutting it in two surely fits its members better" },
        "several views",
      )
    : null;

function proposalBadge(entry) {
  if (entry.selected === undefined) return null;
  const why = entry.reason_names.map((name) => name.replaceAll("_", " ")).join(", ");
  return element(
    "span",
    { class: entry.selected ? "badge keep" : "badge drop", title: entry.reasons.join("; ") },
    entry.selected ? "keep" : `drop: ${why}`,
  );
}
