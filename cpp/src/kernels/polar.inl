// Kernels on the polar grid itself: between coefficients and samples, phase ramps, local scores.
namespace cl2d::kernels {
namespace {

std::int64_t synthesis_workspace(const GridView& grid) {
  return static_cast<std::int64_t>(grid.n_angles) * 4 * kWidth;
}

/// Coefficients of one ring turned by the phases, as the input of an inverse DFT.
inline void turned_orders(
    const GridView& grid, const SynthesisTask& task, int ring, int part, Complex* bins) {
  const int n = grid.n_angles;
  const Vec sign = load(task.mirror_sign + part * kWidth);
  const float* tile = task.tile + part * kWidth;
  const float* phases = task.phases + part * kWidth;
  std::int64_t offset = 0;  // of order m's first stored ring
  for (int m = 0; m < grid.n_orders; ++m) {
    const int below = ring - grid.first_ring[m];
    if (below < 0) {
      bins[m] = bins[(n - m) % n] = {Vec{}, Vec{}};
    } else {
      const float* a = tile + (offset + below) * 2 * kTile;
      const Vec u = load(a), v = load(a + kTile);
      const Vec p = 0.5F * (u + v), q = 0.5F * (u - v);
      const Vec c = load(phases + m * 2 * kTile), s = load(phases + m * 2 * kTile + kTile);
      // a exp(-i m psi), or its conjugate for a mirrored image.
      const Vec re = p * c + q * s, im = sign * (q * c - p * s);
      bins[m] = {re, im};
      if (m > 0) bins[n - m] = (m & 1) ? Complex{-re, im} : Complex{re, -im};
    }
    offset += grid.n_rings - grid.first_ring[m];
  }
  for (int m = grid.n_orders; m <= n - grid.n_orders; ++m) bins[m] = {Vec{}, Vec{}};
}

void synthesise(const GridView& grid, const SynthesisTask& task) {
  const int half = grid.n_angles / 2;
  Complex* bins = reinterpret_cast<Complex*>(task.workspace);
  for (int part = 0; part < kParts; ++part) {
    for (int ring = 0; ring < grid.n_rings; ++ring) {
      turned_orders(grid, task, ring, part, bins);
      const Complex* samples = dft_stages(grid.dft, grid.dft.n_stages, bins, bins + grid.n_angles);
      float* to = task.polar + static_cast<std::int64_t>(ring) * half * 2 * kTile + part * kWidth;
      for (int j = 0; j < half; ++j) {
        store(to + j * 2 * kTile, samples[j].re);
        store(to + j * 2 * kTile + kTile, samples[j].im);
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

void neighbours(const GridView& grid, const NeighbourTask& task) {
  const int n_samples = grid.n_rings * (grid.n_angles / 2);
  const float scale = 2.0F / static_cast<float>(grid.n_angles);
  for (int part = 0; part < kParts; ++part) {
    Vec sums[9];
    for (Vec& sum : sums) sum = Vec{};
    for (int i = 0; i < n_samples; ++i) {
      const std::int64_t at = static_cast<std::int64_t>(i) * 2 * kTile + part * kWidth;
      const Vec a = load(task.images + at), b = load(task.images + at + kTile);
      const Vec c = load(task.references + at), d = load(task.references + at + kTile);
      const Vec re = a * c + b * d, im = a * d - b * c;  // conj(image) * reference
      const float xc = task.step_x[2 * i], xs = task.step_x[2 * i + 1];
      const float yc = task.step_y[2 * i], ys = task.step_y[2 * i + 1];
      // One step multiplies by exp(-i phase); the real parts for -1, 0 and +1 steps in each axis.
      const Vec re_even = re * xc, re_odd = im * xs, im_even = im * xc, im_odd = re * xs;
      const Vec row_re[3] = {re_even - re_odd, re, re_even + re_odd};
      const Vec row_im[3] = {im_even + im_odd, im, im_even - im_odd};
      for (int x = 0; x < 3; ++x) {
        const Vec even = row_re[x] * yc, odd = row_im[x] * ys;
        sums[x] += even - odd;
        sums[3 + x] += row_re[x];
        sums[6 + x] += even + odd;
      }
    }
    for (int s = 0; s < 9; ++s) store(task.scores + s * kTile + part * kWidth, scale * sums[s]);
  }
}

}  // namespace
}  // namespace cl2d::kernels
