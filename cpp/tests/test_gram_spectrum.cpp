#include "cl2d/gram_spectrum.hpp"

#include "hand_made_grid.hpp"

#include <Eigen/Dense>
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <vector>

using namespace cl2d::testing;

namespace {

using Members = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

struct Spectrum {
  Eigen::VectorXd values;
  Eigen::MatrixXd vectors;
};

Spectrum spectrum_of(const Members& members, std::int64_t n_pairs) {
  Spectrum found{Eigen::VectorXd(n_pairs), Eigen::MatrixXd(members.rows(), n_pairs)};
  cl2d::gram_spectrum(members.data(),
                      members.rows(),
                      members.cols(),
                      n_pairs,
                      found.values.data(),
                      found.vectors.data());
  return found;
}

/// Noise, and directions that stand out of it, each two thirds as strong as the one before.
Members planted(Eigen::Index n, Eigen::Index dimension, int directions) {
  std::mt19937 generator(11);
  std::normal_distribution<float> normal;
  const auto draw = [&] { return normal(generator); };
  Members members = Members::NullaryExpr(n, dimension, draw);
  float strength = 40;
  for (int i = 0; i < directions; ++i, strength *= 2.0F / 3) {
    const Eigen::VectorXf along = Eigen::VectorXf::NullaryExpr(n, draw);
    members += strength * along * Eigen::RowVectorXf::NullaryExpr(dimension, draw).normalized();
  }
  return members;
}

}  // namespace

TEST_CASE("pairs that stand out are those of the whole matrix of inner products") {
  for (const auto& [n, dimension, n_pairs] :
       {std::tuple{1, 1, 1}, {2, 30, 2}, {5, 3, 1}, {9, 40, 3}, {120, 300, 3}, {300, 77, 3}}) {
    const Members members = planted(n, dimension, 3);
    CAPTURE(members.rows());
    const Spectrum found = spectrum_of(members, n_pairs);
    const Eigen::MatrixXd values = members.cast<double>();
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> whole(values * values.transpose());
    for (int i = 0; i < n_pairs; ++i) {
      const double expected = whole.eigenvalues()[n - 1 - i];
      // Products in float, 6e-8 of their largest terms; vectors are as good as the square root.
      CHECK(found.values[i] == doctest::Approx(expected).epsilon(1e-5));
      const double along = found.vectors.col(i).dot(whole.eigenvectors().col(n - 1 - i));
      CHECK(std::abs(along) == doctest::Approx(1).epsilon(1e-5));
    }
    const Eigen::MatrixXd products = found.vectors.transpose() * found.vectors;
    CHECK((products - Eigen::MatrixXd::Identity(n_pairs, n_pairs)).cwiseAbs().maxCoeff() < 1e-6);
  }
}

TEST_CASE("the largest value of noise is found to a percent") {
  const Members members = planted(250, 400, 0);
  const Eigen::MatrixXd values = members.cast<double>();
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> whole(values * values.transpose());
  const double largest = whole.eigenvalues()[249];
  CHECK(spectrum_of(members, 1).values[0] > 0.99 * largest);
  CHECK(spectrum_of(members, 1).values[0] < 1.00001 * largest);
}

TEST_CASE("members of zeros have no spread and no exception") {
  const Spectrum found = spectrum_of(Members::Zero(6, 9), 4);
  CHECK(found.values.cwiseAbs().maxCoeff() == 0);
  CHECK(found.vectors.allFinite());
}

TEST_CASE("more pairs than members, or than are told apart, are refused") {
  const Members members = Members::Ones(20, 2);
  CHECK_THROWS_WITH_AS(
      spectrum_of(members, 9), "n_pairs must be 1 to 8, not 9", std::invalid_argument);
  CHECK_THROWS_WITH_AS(
      spectrum_of(Members::Ones(3, 2), 4), "n_pairs must be 1 to 3, not 4", std::invalid_argument);
}

TEST_CASE("products of members with four vectors do not depend on the width of vectors") {
  for (const auto& [n, dimension] : {std::pair{1, 1}, {3, 37}, {17, 64}, {40, 129}}) {
    const Members members = planted(n, dimension, 0);
    const Floats directions = noise(4 * dimension, 12), weights = noise(4 * n, 13);
    for (const Table* table : tables()) {
      const std::string name = table->name;
      CAPTURE(name);
      std::vector<float> projected(static_cast<std::size_t>(4 * n));
      std::vector<float> combined(static_cast<std::size_t>(4 * dimension));
      table->project_members({members.data(), n, dimension}, directions.get(), projected.data());
      table->combine_members({members.data(), n, dimension}, weights.get(), combined.data());
      for (int c = 0; c < 4; ++c) {
        for (int row = 0; row < n; ++row) {
          double expected = 0;
          for (int i = 0; i < dimension; ++i) {
            expected += double{members(row, i)} * directions[c * dimension + i];
          }
          CHECK(std::abs(projected[static_cast<std::size_t>(4 * row + c)] - expected) < kTolerance);
        }
        for (int i = 0; i < dimension; ++i) {
          double expected = 0;
          for (int row = 0; row < n; ++row)
            expected += double{members(row, i)} * weights[4 * row + c];
          const auto at = static_cast<std::size_t>(c * dimension + i);
          CHECK(std::abs(combined[at] - expected) < kTolerance);
        }
      }
    }
  }
}
