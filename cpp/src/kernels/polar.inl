// Kernels on the polar grid itself: between coefficients and samples, and phase ramps.
namespace cl2d::kernels {
namespace {

std::int64_t synthesis_workspace(const GridView& grid) {
  return static_cast<std::int64_t>(grid.n_angles) * 6 * kWidth;
}

/// Coefficient of one ring turned by the phases: a exp(-i m psi), or its conjugate if mirrored.
inline Complex turned(const float* a, const float* phases, const Vec sign) {
  const Vec u = load(a), v = load(a + kTile);
  const Vec p = 0.5F * (u + v), q = 0.5F * (u - v);
  const Vec c = load(phases), s = load(phases + kTile);
  return {p * c + q * s, sign * (q * c - p * s)};
}

/// Turned coefficients of two rings, as inputs of two inverse DFTs of half the length.
///
/// Samples of a ring on the half circle are e + i o with e and o real, e of the even orders, which
/// repeat after half a turn, and o of the odd ones, which change their sign. Two rings r and s then
/// share the complex transforms of e_r + i e_s and of o_r + i o_s.
inline void turned_orders(const GridView& grid,
                          const SynthesisTask& task,
                          int ring,
                          int part,
                          Complex* even,
                          Complex* odd) {
  const int n = grid.n_angles, half = n / 2;
  const bool has_next = ring + 1 < grid.n_rings;
  const Vec sign = load(task.mirror_sign + part * kWidth);
  const float* tile = task.tile + part * kWidth;
  const float* phases = task.phases + part * kWidth;
  std::int64_t offset = 0;  // of order m's first stored ring
  int m = 0;
  for (; m < grid.n_orders && grid.first_ring[m] <= ring + (has_next ? 1 : 0); ++m) {
    const float* a = tile + (offset + ring - grid.first_ring[m]) * 2 * kTile;
    const float* turn = phases + m * 2 * kTile;
    const bool in_first = grid.first_ring[m] <= ring;
    const Complex f = in_first ? turned(a, turn, sign) : Complex{Vec{}, Vec{}};
    const Complex g = has_next ? turned(a + 2 * kTile, turn, sign) : Complex{Vec{}, Vec{}};
    // Order -m is the conjugate of m for even orders, and minus that for odd ones.
    if ((m & 1) == 0) {
      even[m / 2] = {f.re - g.im, f.im + g.re};
      if (m > 0) even[half - m / 2] = {f.re + g.im, g.re - f.im};
    } else {
      odd[m / 2] = {f.im + g.re, g.im - f.re};
      odd[half - 1 - m / 2] = {f.im - g.re, f.re + g.im};
    }
    offset += grid.n_rings - grid.first_ring[m];
  }
  const int n_even = (m + 1) / 2, n_odd = m / 2;
  for (int l = n_even; l <= half - n_even; ++l) even[l] = {Vec{}, Vec{}};
  for (int l = n_odd; l < half - n_odd; ++l) odd[l] = {Vec{}, Vec{}};
}

/// Samples of two turned rings: real parts of the first and the second are those of `even`; their
/// imaginary parts are those of `odd` turned by the angle of the sample.
struct RingPair {
  const Complex* even;
  const Complex* odd;
};

inline RingPair turned_rings(
    const GridView& grid, const SynthesisTask& task, int ring, int part, Complex* space) {
  const int half = grid.n_angles / 2;
  const DftPlan& dft = grid.half_dft;
  turned_orders(grid, task, ring, part, space, space + half);
  const Complex* even = dft_stages(dft, dft.n_stages, space, space + 2 * half);
  const Complex* odd = dft_stages(dft, dft.n_stages, space + half, space + 3 * half);
  return {even, odd};
}

inline Complex first_sample(const RingPair& rings, int j, const float* turns) {
  return {rings.even[j].re, rings.odd[j].re * turns[2 * j] - rings.odd[j].im * turns[2 * j + 1]};
}

inline Complex second_sample(const RingPair& rings, int j, const float* turns) {
  return {rings.even[j].im, rings.odd[j].re * turns[2 * j + 1] + rings.odd[j].im * turns[2 * j]};
}

void synthesise(const GridView& grid, const SynthesisTask& task) {
  const int half = grid.n_angles / 2;
  Complex* space = reinterpret_cast<Complex*>(task.workspace);
  for (int part = 0; part < kParts; ++part) {
    for (int ring = 0; ring < grid.n_rings; ring += 2) {
      const RingPair rings = turned_rings(grid, task, ring, part, space);
      float* to = task.polar + static_cast<std::int64_t>(ring) * half * 2 * kTile + part * kWidth;
      for (int j = 0; j < half; ++j) {
        const Complex sample = first_sample(rings, j, grid.turns);
        store(to + j * 2 * kTile, sample.re);
        store(to + j * 2 * kTile + kTile, sample.im);
      }
      if (ring + 1 == grid.n_rings) break;
      to += half * 2 * kTile;
      for (int j = 0; j < half; ++j) {
        const Complex sample = second_sample(rings, j, grid.turns);
        store(to + j * 2 * kTile, sample.re);
        store(to + j * 2 * kTile + kTile, sample.im);
      }
    }
  }
}

void analyse(const GridView& grid, const AnalysisTask& task) {
  const int half = grid.n_angles / 2;
  const float scale = 1.0F / static_cast<float>(grid.n_angles);
  Complex* bins = reinterpret_cast<Complex*>(task.workspace);
  for (int part = 0; part < kParts; ++part) {
    for (int ring = 0; ring < grid.n_rings; ++ring) {
      const float* from =
          task.polar + static_cast<std::int64_t>(ring) * half * 2 * kTile + part * kWidth;
      for (int j = 0; j < half; ++j) {
        const Vec re = load(from + j * 2 * kTile), im = load(from + j * 2 * kTile + kTile);
        bins[j] = {im, re};          // parts exchanged: the inverse DFT then runs forward
        bins[j + half] = {-im, re};  // a real image: the opposite sample is the conjugate
      }
      const Complex* orders = dft_stages(grid.dft, grid.dft.n_stages, bins, bins + grid.n_angles);
      std::int64_t offset = 0;
      for (int m = 0; m < grid.n_orders; ++m) {
        const int below = ring - grid.first_ring[m];
        if (below >= 0) {
          float* to = task.coefficients + (offset + below) * 2 * kTile + part * kWidth;
          store(to, orders[m].im * scale);
          store(to + kTile, m == 0 ? Vec{} : orders[m].re * scale);
        }
        offset += grid.n_rings - grid.first_ring[m];
      }
    }
  }
}

/// Cosine and sine of some radians: Taylor series within an eighth of a turn.
inline Complex cos_sin(Vec angle) {
  constexpr float kQuarterTurn = 1.57079637F, kRest = -4.37113883e-8F;  // pi / 2 in two floats
  constexpr float kRounder =
      12582912.0F;  // 1.5 * 2^23: a sum with it has no places after the point
  const Vec shifted = angle * 0.636619772F + kRounder;
  const Vec quarters = shifted - kRounder;
  const Vec r = (angle - quarters * kQuarterTurn) - quarters * kRest;
  const Vec s = r * r;
  const Vec sine = r + r * s * (-1.0F / 6 + s * (1.0F / 120 + s * (-1.0F / 5040 + s / 362880.0F)));
  const Vec cosine = 1.0F + s * (-0.5F + s * (1.0F / 24 + s * (-1.0F / 720 + s / 40320.0F)));
  const IntVec turns = (IntVec)shifted & 3;
  const IntVec swapped = (turns & 1) != 0;
  const Vec c = swapped ? sine : cosine, t = swapped ? cosine : sine;
  return {((turns + 1) & 2) != 0 ? -c : c, (turns & 2) != 0 ? -t : t};
}

void shift_phases(const GridView& grid, const ShiftPhaseTask& task) {
  for (int part = 0; part < kParts; ++part) {
    const Vec x = load(task.x_rad + part * kWidth), y = load(task.y_rad + part * kWidth);
    for (int j = 0; j < grid.n_angles / 2; ++j) {
      const Vec phase = x * grid.turns[2 * j] + y * grid.turns[2 * j + 1];
      const std::int64_t at = static_cast<std::int64_t>(j) * 2 * kTile + part * kWidth;
      const Complex step = cos_sin(phase);
      const Complex first = task.k_min == 1 ? step : cos_sin(task.k_min * phase);
      store(task.step + at, step.re);
      store(task.step + at + kTile, step.im);
      store(task.first + at, first.re);
      store(task.first + at + kTile, first.im);
    }
  }
}

void ramp(const GridView& grid, const RampTask& task) {
  const int half = grid.n_angles / 2;
  for (int part = 0; part < kParts; ++part) {
    for (int j = 0; j < half; ++j) {
      const std::int64_t at = static_cast<std::int64_t>(j) * 2 * kTile + part * kWidth;
      Vec re = load(task.first + at), im = load(task.first + at + kTile);
      const Vec step_re = load(task.step + at), step_im = load(task.step + at + kTile);
      for (int ring = 0; ring < grid.n_rings; ++ring) {
        float* sample = task.polar + static_cast<std::int64_t>(ring) * half * 2 * kTile + at;
        const Vec a = load(sample), b = load(sample + kTile);
        store(sample, a * re - b * im);
        store(sample + kTile, a * im + b * re);
        const Vec next = re * step_re - im * step_im;
        im = re * step_im + im * step_re;
        re = next;
      }
    }
  }
}

}  // namespace
}  // namespace cl2d::kernels
