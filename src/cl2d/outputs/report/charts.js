// Small charts, drawn as SVG and described in words for those who do not see them.

const CHART = { width: 420, height: 170, left: 44, right: 12, top: 12, bottom: 34 };

function ticksBetween(low, high, most) {
  const rough = (high - low) / most || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((k) => k * power).find((size) => size >= rough * 0.999);
  const ticks = [];
  for (let k = Math.ceil(low / step - 1e-6); k * step <= high + step * 1e-6; k += 1)
    ticks.push(k * step || 0);
  return { ticks, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) };
}

// The frame of a chart: where a value lies, axes with their ticks, and a place to draw on.
function frame({
  title,
  words,
  x,
  y,
  xLabel,
  yLabel,
  xTicks,
  yTicks,
  width = CHART.width,
  height = CHART.height,
}) {
  const right = width - CHART.right,
    bottom = height - CHART.bottom;
  const atX = (value) => CHART.left + ((value - x[0]) / (x[1] - x[0] || 1)) * (right - CHART.left);
  const atY = (value) => bottom - ((value - y[0]) / (y[1] - y[0] || 1)) * (bottom - CHART.top);
  const drawing = drawn("svg", {
    viewBox: `0 0 ${width} ${height}`,
    role: "img",
    class: "chart",
    "aria-label": `${title}. ${words}`,
  });
  const text = (attributes, content) => drawing.append(drawn("text", attributes, content));
  for (const { at, label } of yTicks) {
    drawing.append(
      drawn("line", { class: "grid", x1: CHART.left, x2: right, y1: atY(at), y2: atY(at) }),
    );
    text({ x: CHART.left - 5, y: atY(at) + 3.5, class: "end" }, label);
  }
  for (const { at, label } of xTicks) {
    drawing.append(
      drawn("line", { class: "tick", x1: atX(at), x2: atX(at), y1: bottom, y2: bottom + 4 }),
    );
    text({ x: atX(at), y: bottom + 15, class: "middle" }, label);
  }
  drawing.append(
    drawn("line", { class: "axis", x1: CHART.left, x2: right, y1: bottom, y2: bottom }),
  );
  text({ x: (CHART.left + right) / 2, y: height - 4, class: "middle label" }, xLabel);
  if (yLabel)
    text(
      {
        x: 10,
        y: (CHART.top + bottom) / 2,
        class: "middle label",
        transform: `rotate(-90 10 ${(CHART.top + bottom) / 2})`,
      },
      yLabel,
    );
  return { drawing, atX, atY, bottom };
}

const ticksOf = (low, high, most, word = (value, digits) => value.toFixed(digits)) => {
  const { ticks, digits } = ticksBetween(low, high, most);
  return ticks.map((at) => ({ at, label: word(at, digits) }));
};

const withTitle = (title, drawing, note = null) =>
  element(
    "figure",
    {},
    element("figcaption", {}, title),
    drawing,
    note && element("p", { class: "note" }, note),
  );

// Lines over a common axis: lines = [{ y: [...], kind }], levels = [{ at, label }] across,
// marks = [{ at, label }] upright.
function lineChart({
  title,
  words,
  x,
  lines,
  levels = [],
  marks = [],
  yRange,
  xTicks,
  xLabel,
  yLabel,
  note,
  width,
  height,
}) {
  const values = lines.flatMap((line) => line.y).filter(isNumber);
  const y = yRange || [Math.min(...values), Math.max(...values)];
  if (y[0] === y[1]) y[1] = y[0] + (Math.abs(y[0]) || 1);
  const span = [x[0], x[x.length - 1] > x[0] ? x[x.length - 1] : x[0] + 1];
  const chart = frame({
    title,
    words,
    x: span,
    y,
    xLabel,
    yLabel,
    xTicks: xTicks || ticksOf(span[0], span[1], 7),
    yTicks: ticksOf(y[0], y[1], 4),
    width,
    height,
  });
  const { drawing, atX, atY, bottom } = chart;
  for (const { at, label } of marks) {
    drawing.append(
      drawn("line", { class: "mark", x1: atX(at), x2: atX(at), y1: CHART.top, y2: bottom }),
    );
    drawing.append(drawn("text", { x: atX(at) + 3, y: CHART.top + 8, class: "remark" }, label));
  }
  for (const { at, label } of levels) {
    drawing.append(
      drawn("line", {
        class: "threshold",
        x1: atX(span[0]),
        x2: atX(span[1]),
        y1: atY(at),
        y2: atY(at),
      }),
    );
    drawing.append(drawn("text", { x: atX(span[0]) + 4, y: atY(at) - 3, class: "remark" }, label));
  }
  for (const line of lines) {
    let path = "";
    line.y.forEach((value, i) => {
      if (isNumber(value))
        path += `${path && isNumber(line.y[i - 1]) ? "L" : "M"}${atX(x[i]).toFixed(1)} ${atY(Math.min(Math.max(value, y[0]), y[1])).toFixed(1)}`;
    });
    drawing.append(drawn("path", { class: `line ${line.kind || ""}`, d: path }));
    if (x.length <= 60 && line.dots)
      line.y.forEach((value, i) => {
        if (isNumber(value))
          drawing.append(
            drawn("circle", { class: line.kind || "", cx: atX(x[i]), cy: atY(value), r: 2 }),
          );
      });
  }
  return withTitle(title, drawing, note);
}

// Bars of a histogram: part = counts drawn inside the bars, whole = counts of all, scaled to
// the same area as a line around.
function barChart({
  title,
  low,
  high,
  counts,
  part,
  whole,
  threshold,
  xLabel,
  note,
  width,
  height,
}) {
  const total = counts.reduce((a, b) => a + b, 0);
  const all = whole ? whole.reduce((a, b) => a + b, 0) : 0;
  const scaled = whole && all ? whole.map((n) => (n * total) / all) : null;
  const top = Math.max(1, ...counts, ...(scaled || []));
  const step = (high - low) / counts.length;
  const fullest = counts.indexOf(Math.max(...counts));
  const words = total
    ? `${several(total, "entry", "entries")} between ${low.toFixed(2)} and ${high.toFixed(2)}, most near ${(low + (fullest + 0.5) * step).toFixed(2)}`
    : "nothing to show";
  const { drawing, atX, atY, bottom } = frame({
    title,
    words,
    x: [low, high],
    y: [0, top],
    xLabel,
    xTicks: ticksOf(low, high, 5),
    yTicks: ticksOf(0, top, 3, (value) => count(Math.round(value))).filter(({ at }) =>
      Number.isInteger(at),
    ),
    width,
    height,
  });
  const bars = (values, kind) =>
    values.forEach((n, i) => {
      if (!n) return;
      const left = atX(low + i * step);
      drawing.append(
        drawn("rect", {
          class: kind,
          x: left + 0.5,
          y: atY(n),
          width: Math.max(atX(low + (i + 1) * step) - left - 1, 0.5),
          height: bottom - atY(n),
        }),
      );
    });
  bars(counts, part ? "bar rest" : "bar");
  if (part) bars(part, "bar");
  if (scaled) {
    const path = scaled
      .map(
        (n, i) =>
          `${i ? "L" : "M"}${atX(low + i * step).toFixed(1)} ${atY(n).toFixed(1)}H${atX(low + (i + 1) * step).toFixed(1)}`,
      )
      .join("");
    drawing.append(drawn("path", { class: "line outline", d: path }));
  }
  if (isNumber(threshold) && threshold > low && threshold < high)
    drawing.append(
      drawn("line", {
        class: "threshold",
        x1: atX(threshold),
        x2: atX(threshold),
        y1: CHART.top,
        y2: bottom,
      }),
    );
  return withTitle(title, drawing, note);
}
