// The coefficients of the quintic B-spline through an image: a recursive filter along each axis.
//
// Panels of 32 columns are filtered one after another, so that a panel stays in the nearest cache;
// the columns of a panel go in step.
namespace cl2d::kernels {
namespace {

/// Roots inside the unit circle of z^4 + 26 z^3 + 66 z^2 + 26 z + 1, and the number of terms after
/// which |z|^k < 1e-9, beyond float rounding.
struct Pole {
  float z;
  int horizon;
};
constexpr Pole kPoles[] = {{-0.43057534709997379F, 25}, {-0.043096288203264653F, 7}};

constexpr int kPanel = kSplinePanel;
constexpr int kPanelParts = kPanel / kWidth;

/// One row of a panel.
struct PanelRow {
  Vec part[kPanelParts];
};

inline PanelRow load_row(const float* from) {
  PanelRow row;
  for (int i = 0; i < kPanelParts; ++i) row.part[i] = load(from + i * kWidth);
  return row;
}

inline void store_row(float* to, const PanelRow& row) {
  for (int i = 0; i < kPanelParts; ++i) store(to + i * kWidth, row.part[i]);
}

/// What the recursion starts from: its sum over the rows, which are reflected about the last and
/// the first one as often as needed.
inline PanelRow start_of(const Pole& pole, const float* panel, int n) {
  PanelRow sum = load_row(panel);
  float weight = 1.0F;
  int row = 0, step = 1;
  for (int k = 1; k <= pole.horizon; ++k) {
    weight *= pole.z;
    row += step;
    if (row == n - 1) step = -1;
    if (row == 0) step = 1;
    const PanelRow values = load_row(panel + row * kPanel);
    for (int i = 0; i < kPanelParts; ++i) sum.part[i] += weight * values.part[i];
  }
  return sum;
}

/// One pole of the prefilter down the n rows of a panel. Its gain is left out.
void apply_pole(const Pole& pole, float* panel, int n) {
  const float z = pole.z;
  PanelRow carry = start_of(pole, panel, n);
  store_row(panel, carry);
  for (int row = 1; row < n - 1; ++row) {
    const PanelRow values = load_row(panel + row * kPanel);
    for (int i = 0; i < kPanelParts; ++i) carry.part[i] = values.part[i] + z * carry.part[i];
    store_row(panel + row * kPanel, carry);
  }
  const float end_factor = z / (z * z - 1.0F);
  float* last = panel + (n - 1) * kPanel;
  const PanelRow values = load_row(last);
  for (int i = 0; i < kPanelParts; ++i) {
    carry.part[i] = end_factor * (values.part[i] + 2.0F * z * carry.part[i]);
  }
  store_row(last, carry);
  for (int row = n - 2; row >= 0; --row) {
    const PanelRow before = load_row(panel + row * kPanel);
    for (int i = 0; i < kPanelParts; ++i) {
      carry.part[i] = z * carry.part[i] - z * before.part[i];
    }
    store_row(panel + row * kPanel, carry);
  }
}

/// Copy up to a panel's width of each of n rows.
void copy_columns(const float* from, int from_stride, int width, int n, float* to, int to_stride) {
  for (int row = 0; row < n; ++row) {
    for (int i = 0; i < width; ++i) to[i] = from[i];
    from += from_stride;
    to += to_stride;
  }
}

/// Rows of a panel as columns: (n, kPanel) becomes (kPanel, n) in panels of kPanel columns each,
/// `panel_floats` apart. n is filled up to whole vectors.
void transpose_panel(const float* panel, int n, std::int64_t panel_floats, float* to) {
  for (int row = 0; row < n; row += kPixels) {
    float* block = to + row / kPanel * panel_floats + row % kPanel;
    for (int column = 0; column < kPanel; column += kQuad) {
      Pixels a[kQuad];
      for (int k = 0; k < kQuad; ++k) {
        a[k] = load_quads(panel + (row + k) * kPanel + column, kQuad * kPanel);
      }
      transpose_quads(a);
      for (int k = 0; k < kQuad; ++k) store_pixels(block + (column + k) * kPanel, a[k]);
    }
  }
}

/// Fill the margins of each row of the box, then whole rows above and below it.
void reflect_into_margins(float* coefficients, int box) {
  const int stride = box + kSplineMargins, before = kSplineMarginBefore;
  int inside[kSplineMargins];
  for (int k = 0; k < kSplineMargins; ++k) {
    const int period = 2 * (box - 1);
    const int place = k < before ? before - k : k - before + box;
    const int folded = place % period;
    inside[k] = before + (folded < box ? folded : period - folded);
  }
  for (int row = before; row < before + box; ++row) {
    float* values = coefficients + row * stride;
    for (int k = 0; k < kSplineMargins; ++k) values[k < before ? k : k + box] = values[inside[k]];
  }
  for (int k = 0; k < kSplineMargins; ++k) {
    float* to = coefficients + (k < before ? k : k + box) * stride;
    const float* from = coefficients + inside[k] * stride;
    for (int i = 0; i < stride; ++i) to[i] = from[i];
  }
}

void fit_spline(const SplineFitTask& task) {
  const int n = task.box;
  const int padded = (n + kPanel - 1) / kPanel * kPanel;
  const std::int64_t panel_floats = static_cast<std::int64_t>(padded) * kPanel;
  float* columns = task.workspace;
  float* turned = columns + panel_floats;
  for (int x = 0; x < n; x += kPanel) {
    copy_columns(task.pixels + x, n, n - x < kPanel ? n - x : kPanel, n, columns, kPanel);
    for (const Pole& pole : kPoles) apply_pole(pole, columns, n);
    transpose_panel(columns, n, panel_floats, turned + x * kPanel);
  }
  const int stride = n + kSplineMargins;
  float* inside = task.coefficients + kSplineMarginBefore * (stride + 1);
  for (int y = 0; y < n; y += kPanel) {
    float* panel = turned + y / kPanel * panel_floats;
    for (const Pole& pole : kPoles) apply_pole(pole, panel, n);
    copy_columns(panel, kPanel, n - y < kPanel ? n - y : kPanel, n, inside + y, stride);
  }
  reflect_into_margins(task.coefficients, n);
}

}  // namespace
}  // namespace cl2d::kernels
