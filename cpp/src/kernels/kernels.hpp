// The table of functions that are compiled once per instruction set, and the plain records they
// take.
//
// A kernel file may include this header and <cstdint> only: no std:: templates, no Eigen, no inline
// functions. Weak symbols compiled with AVX could otherwise be linked into the whole program.
#pragma once

#include <cstdint>

namespace cl2d::kernels {

/// Mixed-radix inverse DFT of length n. Stage by stage, for the sub-transform index p, the
/// twiddles exp(+2 pi i p j / length) of j = 1..radix-1 follow each other as (cos, sin).
struct DftPlan {
  int n;
  int n_stages;
  const int* radices;
  const float* twiddles;
};

/// What the kernels need of a PolarGrid.
struct GridView {
  int n_rings;
  int n_orders;
  int n_angles;
  int n_coefficients;
  const int* first_ring;  // (n_orders,)
  DftPlan dft;
  DftPlan half_dft;    // of n_angles / 2: even and odd orders apart
  const float* turns;  // (n_angles / 2, 2): cos and sin of each angle of the half circle
};

/// Best score over rotation, shift and mirror of the 16 images of a tile against each reference.
struct SearchTask {
  const float* tile;     // (n_coefficients, 2, 16): p + q and p - q of each coefficient p + iq
  const float* columns;  // (n_references, n_shifts, n_coefficients, 2): c + d and c - d of c + id
  int n_references;
  int n_shifts;
  int with_mirrors;
  float* workspace;     // search_workspace floats
  float* scores;        // (n_references, 16)
  std::int32_t* codes;  // (n_references, 16): (shift * 2 + mirror) * n_angles + angle
};

/// Bring the 16 images of a tile into the frame of their (shifted) references, on the polar grid.
struct SynthesisTask {
  const float* tile;         // (n_coefficients, 2, 16)
  const float* phases;       // (n_orders, 2, 16): cos and sin of order * psi
  const float* mirror_sign;  // (16): -1 for mirrored images, else +1
  float* workspace;          // synthesis_workspace floats
  float* polar;              // out (n_rings, n_angles / 2, 2, 16)
};

/// Angular DFT of 16 polar images: samples on the half circle to stored coefficients p, q.
struct AnalysisTask {
  const float* polar;   // (n_rings, n_angles / 2, 2, 16)
  float* workspace;     // synthesis_workspace floats
  float* coefficients;  // out (n_coefficients, 2, 16)
};

/// Multiply ring r of 16 polar images by first * step^r.
struct RampTask {
  const float* first;  // (n_angles / 2, 2, 16)
  const float* step;   // (n_angles / 2, 2, 16)
  float* polar;        // in/out (n_rings, n_angles / 2, 2, 16)
};

/// Phases of shifts, for the ring k_min and from ring to ring.
struct ShiftPhaseTask {
  const float* x_rad;  // (16): phase of ring 1 along x
  const float* y_rad;  // (16): and along y
  float k_min;
  float* first;  // out (n_angles / 2, 2, 16)
  float* step;   // out, same
};

/// First and second derivatives of 16 polar images by their angle.
struct DerivativeTask {
  const float* polar;  // (n_rings, n_angles / 2, 2, 16)
  float* workspace;    // synthesis_workspace floats
  float* first;        // out, like polar
  float* second;       // out, like polar
};

/// Correlations of 16 image-reference pairs and their slopes, by turns w and shifts x, y of the
/// reference, with the image brought into its frame. Shifts are in radians of ring 1.
struct SlopeTask {
  SynthesisTask image;      // without `polar`
  const float* first;       // of the shift, as in RampTask
  const float* step;        // same
  const float* references;  // (n_rings, n_angles / 2, 6, 16): values, derivatives, second ones
  float k_min;
  float* sums;  // out (10, 16): value; by w, x, y; by ww, wx, wy, xx, xy, yy
};

/// Weighted sum over pixels of exp(minus_rate * (image - average)^2).
struct CorrentropyTask {
  const float* image;
  const float* average;
  const float* weights;
  int n_pixels;
  float minus_rate;  // below 0
};

/// Coefficients of the spline through an image lie in rows of one x each, (box + margins)^2, and
/// go on beyond the box: two before it, five after.
constexpr int kSplineMarginBefore = 2;
constexpr int kSplineMargins = 7;
/// Columns that are filtered in step.
constexpr int kSplinePanel = 32;

/// Coefficients of the quintic B-spline through an image that is reflected about its outermost
/// pixels, without the gain of 120 for each axis.
struct SplineFitTask {
  const float* pixels;  // (box, box), box >= 2
  int box;
  float* workspace;     // (padded + panel) * padded: padded = box filled up to whole panels. Zeros
                        // at first, and left alone between images.
  float* coefficients;  // out (box + margins, box + margins)
};

/// The spline at first + column * along + row * down for each pixel (row, column), reflected into
/// the box. Steps are at most 1 long, positions below 2^31.
struct SplineMoveTask {
  const float* coefficients;
  int box;
  double first_x, first_y;
  double along_x, along_y;
  double down_x, down_y;
  // Scratch: a row, filled up to a panel's width with zeros, which stay.
  std::int32_t* places;
  float* fractions_x;
  float* fractions_y;
  float* weights_x;  // six such rows
  float* moved;      // out (box, box)
};

/// Members of a class as rows of numbers.
struct MembersView {
  const float* rows;  // (n, dimension)
  std::int64_t n;
  std::int64_t dimension;
};

/// Grey levels that are added to their sums.
struct AddTask {
  const float* values;
  int n;
  double* sums;
};

struct Table {
  const char* name;
  int vector_width;
  /// Floats of workspace a search needs: (columns in flight + 1) buffers.
  std::int64_t (*search_workspace)(const GridView&);
  std::int64_t (*synthesis_workspace)(const GridView&);
  void (*search)(const GridView&, const SearchTask&);
  void (*synthesise)(const GridView&, const SynthesisTask&);
  void (*analyse)(const GridView&, const AnalysisTask&);
  void (*ramp)(const GridView&, const RampTask&);
  void (*shift_phases)(const GridView&, const ShiftPhaseTask&);
  void (*differentiate)(const GridView&, const DerivativeTask&);
  void (*slopes)(const GridView&, const SlopeTask&);
  double (*correntropy)(const CorrentropyTask&);
  void (*fit_spline)(const SplineFitTask&);
  void (*move_spline)(const SplineMoveTask&);
  void (*add)(const AddTask&);
  /// Halves that hold scale times a value to floats; n must be a multiple of 16.
  void (*decode_halves)(const std::uint16_t* from, std::int64_t n, float scale, float* to);
  /// Inner products (n, 4) of the members with four directions (4, dimension).
  void (*project_members)(const MembersView&, const float* directions, float* out);
  /// Sums (4, dimension) of the members, weighted by (n, 4).
  void (*combine_members)(const MembersView&, const float* weights, float* out);
};

extern const Table kBaselineTable;
#ifdef CL2D_X86_KERNELS
extern const Table kAvx2Table;
extern const Table kAvx512Table;
#endif

/// The table in use.
const Table& active_table();

}  // namespace cl2d::kernels
