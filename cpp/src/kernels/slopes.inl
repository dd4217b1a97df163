// Slopes of correlations by the pose: what refinement climbs along.
namespace cl2d::kernels {
namespace {

void differentiate(const GridView& grid, const DerivativeTask& task) {
  const int n = grid.n_angles, half = n / 2;
  Complex* bins = reinterpret_cast<Complex*>(task.workspace);
  Complex* orders = bins + 2 * n;
  for (int part = 0; part < kParts; ++part) {
    for (int ring = 0; ring < grid.n_rings; ++ring) {
      const std::int64_t at = static_cast<std::int64_t>(ring) * half * 2 * kTile + part * kWidth;
      for (int j = 0; j < half; ++j) {
        const float* from = task.polar + at + j * 2 * kTile;
        const Vec re = load(from), im = load(from + kTile);
        bins[j] = {im, re};  // parts exchanged: the inverse DFT then runs forward
        bins[j + half] = {-im, re};
      }
      const Complex* found = dft_stages(grid.dft, grid.dft.n_stages, bins, bins + n);
      for (int m = 0; m < n; ++m) orders[m] = {found[m].im, found[m].re};
      float* to[] = {task.first + at, task.second + at};
      for (float* out : to) {
        for (int m = 0; m < n; ++m) {
          // Times i m; the order of half a turn has no direction to go in.
          const int order = 2 * m == n ? 0 : (2 * m < n ? m : m - n);
          const float factor = static_cast<float>(order) / static_cast<float>(out == to[0] ? n : 1);
          orders[m] = {-factor * orders[m].im, factor * orders[m].re};
          bins[m] = orders[m];
        }
        const Complex* samples = dft_stages(grid.dft, grid.dft.n_stages, bins, bins + n);
        for (int j = 0; j < half; ++j) {
          store(out + j * 2 * kTile, samples[j].re);
          store(out + j * 2 * kTile + kTile, samples[j].im);
        }
      }
    }
  }
}

/// Sums over one ring. Shifts count in units of the ring's own frequency.
struct RingSums {
  Vec value, x, y, xx, xy, w, wx, wy, ww;
};

/// Add one sample: an image brought into the frame of its reference, and the reference.
inline void add_sample(RingSums& sums,
                       const Complex image,
                       const float* reference,
                       const float* turn) {
  const Vec a = image.re, b = image.im;
  const Vec c = load(reference), d = load(reference + kTile);
  const Vec re = a * c + b * d, im = a * d - b * c;  // conj(image) * reference
  const float cosine = turn[0], sine = turn[1];
  sums.value += re;
  sums.x += im * cosine;
  sums.y += im * sine;
  const Vec along = re * cosine;
  sums.xx += along * cosine;
  sums.xy += along * sine;
  const Vec c1 = load(reference + 2 * kTile), d1 = load(reference + 3 * kTile);
  const Vec im1 = a * d1 - b * c1;
  sums.w += a * c1 + b * d1;
  sums.wx += im1 * cosine;
  sums.wy += im1 * sine;
  sums.ww += a * load(reference + 4 * kTile) + b * load(reference + 5 * kTile);
}

/// Add the sums of a ring to those of all: a shift turns the phases of ring k by k times as much.
inline void add_ring(const RingSums& ring, float k, Vec* sums) {
  const Vec values[10] = {ring.value,
                          ring.w,
                          k * ring.x,
                          k * ring.y,
                          ring.ww,
                          k * ring.wx,
                          k * ring.wy,
                          -k * k * ring.xx,
                          -k * k * ring.xy,
                          -k * k * (ring.value - ring.xx)};
  for (int i = 0; i < 10; ++i) sums[i] += values[i];
}

void slopes(const GridView& grid, const SlopeTask& task) {
  const int half = grid.n_angles / 2;
  const float scale = 2.0F / static_cast<float>(grid.n_angles);
  Complex* space = reinterpret_cast<Complex*>(task.image.workspace);
  Complex* ramp = space + 2 * grid.n_angles;
  for (int part = 0; part < kParts; ++part) {
    const float* first = task.first + part * kWidth;
    const float* step = task.step + part * kWidth;
    for (int j = 0; j < half; ++j) {
      ramp[j] = {load(first + j * 2 * kTile), load(first + j * 2 * kTile + kTile)};
    }
    Vec sums[10];
    for (Vec& sum : sums) sum = Vec{};
    RingPair rings{};
    for (int ring = 0; ring < grid.n_rings; ++ring) {
      const bool is_first = ring % 2 == 0;
      if (is_first) rings = turned_rings(grid, task.image, ring, part, space);
      const float* reference =
          task.references + static_cast<std::int64_t>(ring) * half * 6 * kTile + part * kWidth;
      RingSums of_ring{};
      for (int j = 0; j < half; ++j) {
        const Complex turned =
            is_first ? first_sample(rings, j, grid.turns) : second_sample(rings, j, grid.turns);
        const Vec re = ramp[j].re, im = ramp[j].im;
        const Complex image{turned.re * re - turned.im * im, turned.re * im + turned.im * re};
        add_sample(of_ring, image, reference + j * 6 * kTile, grid.turns + 2 * j);
        const Vec c = load(step + j * 2 * kTile), s = load(step + j * 2 * kTile + kTile);
        ramp[j] = {re * c - im * s, re * s + im * c};
      }
      add_ring(of_ring, task.k_min + static_cast<float>(ring), sums);
    }
    for (int i = 0; i < 10; ++i) store(task.sums + i * kTile + part * kWidth, scale * sums[i]);
  }
}

}  // namespace
}  // namespace cl2d::kernels
