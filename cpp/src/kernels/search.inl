// The fused search: multiply-accumulate over rings, inverse DFT over orders, maximum over angles.
//
// With image coefficients p + iq and reference coefficients c + id, write u = p + q, v = p - q,
// s = c + d, t = c - d. The transform whose real part is the direct correlation and whose imaginary
// part is the mirrored one has Z_m = (sum us, sum vs) and Z_-m = (sum vt, sum ut): four products
// a coefficient, and nothing left to combine.
namespace cl2d::kernels {
namespace {

constexpr int kColumns = CL2D_COLUMNS_IN_FLIGHT;

std::int64_t search_workspace(const GridView& grid) {
  return static_cast<std::int64_t>(kColumns + 1) * grid.n_angles * 2 * kWidth;
}

/// Best value so far of each lane, and where it was.
struct Best {
  Vec score;
  IntVec code;
  inline void offer(Vec value, std::int32_t where) {
    const IntVec better = value > score;
    score = better ? value : score;
    code = better ? (IntVec{} + where) : code;
  }
};

/// Z_m of `Columns` columns for one part of a tile, into one DFT buffer a column.
template <int Columns>
void accumulate(const GridView& grid, const float* tile, const float* columns, Complex* buffers) {
  const int n = grid.n_angles;
  const float* image = tile;
  const float* reference = columns;
  for (int m = 0; m < grid.n_orders; ++m) {
    Vec us[Columns], vs[Columns], ut[Columns], vt[Columns];
    for (int c = 0; c < Columns; ++c) us[c] = vs[c] = ut[c] = vt[c] = Vec{};
    const int count = grid.n_rings - grid.first_ring[m];
    for (int k = 0; k < count; ++k) {
      const Vec u = load(image), v = load(image + kTile);
      for (int c = 0; c < Columns; ++c) {
        const float s = reference[2 * c * grid.n_coefficients];
        const float t = reference[2 * c * grid.n_coefficients + 1];
        us[c] += u * s;
        vs[c] += v * s;
        ut[c] += u * t;
        vt[c] += v * t;
      }
      image += 2 * kTile;
      reference += 2;
    }
    for (int c = 0; c < Columns; ++c) buffers[c * n + m] = {us[c], vs[c]};
    if (m > 0) {
      for (int c = 0; c < Columns; ++c) buffers[c * n + n - m] = {vt[c], ut[c]};
    }
  }
  for (int c = 0; c < Columns; ++c) {
    for (int m = grid.n_orders; m <= n - grid.n_orders; ++m) buffers[c * n + m] = {Vec{}, Vec{}};
  }
}

/// Last DFT stage, compared with the best as it is made; angle j of the result is q + stride * j.
template <int Radix>
void finish(const Complex* in, int stride, std::int32_t code, int with_mirrors, Best& best) {
  for (int q = 0; q < stride; ++q) {
    Complex a[Radix];
    for (int j = 0; j < Radix; ++j) a[j] = in[q + stride * j];
    Butterfly<Radix>::apply(a);
    for (int j = 0; j < Radix; ++j) best.offer(a[j].re, code + q + stride * j);
    if (with_mirrors) {
      const int n = Radix * stride;
      for (int j = 0; j < Radix; ++j) best.offer(a[j].im, code + n + q + stride * j);
    }
  }
}

void finish_of(
    int radix, const Complex* in, int stride, std::int32_t code, int mirrors, Best& best) {
  switch (radix) {
    case 2:
      return finish<2>(in, stride, code, mirrors, best);
    case 3:
      return finish<3>(in, stride, code, mirrors, best);
    case 4:
      return finish<4>(in, stride, code, mirrors, best);
    default:
      return finish<5>(in, stride, code, mirrors, best);
  }
}

/// Where the columns in flight lie, and how shift and best value go on from one to the next.
struct InFlight {
  std::int64_t column;
  int shift;
  int shift_step;
  Best* best;
  int best_step;
};

template <int Columns>
void search_columns(const GridView& grid,
                    const SearchTask& task,
                    const float* tile,
                    const InFlight& at) {
  Complex* buffers = reinterpret_cast<Complex*>(task.workspace);
  Complex* scratch = buffers + kColumns * grid.n_angles;
  accumulate<Columns>(grid, tile, task.columns + at.column * 2 * grid.n_coefficients, buffers);
  const DftPlan& plan = grid.dft;
  const int last = plan.radices[plan.n_stages - 1];
  for (int c = 0; c < Columns; ++c) {
    const Complex* done = dft_stages(plan, plan.n_stages - 1, buffers + c * grid.n_angles, scratch);
    const std::int32_t code = (at.shift + c * at.shift_step) * 2 * plan.n;
    finish_of(last, done, plan.n / last, code, task.with_mirrors, at.best[c * at.best_step]);
  }
}

void store_best(const SearchTask& task, int reference, int part, const Best& best) {
  store(task.scores + reference * kTile + part * kWidth, best.score);
  store(task.codes + reference * kTile + part * kWidth, best.code);
}

/// The columns in flight are shifts of one reference.
void search_shifts(const GridView& grid, const SearchTask& task, int reference, int part) {
  const std::int64_t first = static_cast<std::int64_t>(reference) * task.n_shifts;
  const float* tile = task.tile + part * kWidth;
  Best best{Vec{} - 3.0e38F, IntVec{}};
  int shift = 0;
  for (; shift + kColumns <= task.n_shifts; shift += kColumns) {
    search_columns<kColumns>(grid, task, tile, {first + shift, shift, 1, &best, 0});
  }
  for (; shift < task.n_shifts; ++shift) {
    search_columns<1>(grid, task, tile, {first + shift, shift, 1, &best, 0});
  }
  store_best(task, reference, part, best);
}

/// The columns in flight are references, each at the only shift.
void search_at_one_shift(const GridView& grid, const SearchTask& task, int part) {
  const float* tile = task.tile + part * kWidth;
  int reference = 0;
  while (reference < task.n_references) {
    Best best[kColumns];
    for (Best& one : best) one = {Vec{} - 3.0e38F, IntVec{}};
    const int count = reference + kColumns <= task.n_references ? kColumns : 1;
    const InFlight at{reference, 0, 0, best, 1};
    if (count == kColumns) {
      search_columns<kColumns>(grid, task, tile, at);
    } else {
      search_columns<1>(grid, task, tile, at);
    }
    for (int c = 0; c < count; ++c) store_best(task, reference + c, part, best[c]);
    reference += count;
  }
}

void search(const GridView& grid, const SearchTask& task) {
  if (task.n_shifts == 1) {
    for (int part = 0; part < kParts; ++part) search_at_one_shift(grid, task, part);
    return;
  }
  for (int r = 0; r < task.n_references; ++r) {
    for (int part = 0; part < kParts; ++part) search_shifts(grid, task, r, part);
  }
}

}  // namespace
}  // namespace cl2d::kernels
