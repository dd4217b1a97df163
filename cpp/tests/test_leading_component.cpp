#include "cl2d/leading_component.hpp"

#include <Eigen/Dense>
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <stdexcept>
#include <vector>

namespace {

using Members = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

struct Component {
  Eigen::VectorXf scores;
  cl2d::LeadingComponent variances;
};

Component component_of(const Members& members) {
  Component found{Eigen::VectorXf(members.rows()), {}};
  found.variances =
      cl2d::leading_component(members.data(), members.rows(), members.cols(), found.scores.data());
  return found;
}

/// Noise with a spread of `strength` along one direction, and a mean.
Members planted(Eigen::Index n, Eigen::Index dimension, float strength, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal;
  const auto draw = [&] { return normal(generator); };
  Members members = Members::NullaryExpr(n, dimension, draw);
  const Eigen::VectorXf along = Eigen::VectorXf::NullaryExpr(n, draw);
  const Eigen::RowVectorXf direction =
      Eigen::RowVectorXf::NullaryExpr(dimension, draw).normalized();
  members += strength * along * direction;
  members.rowwise() += Eigen::RowVectorXf::NullaryExpr(dimension, draw);
  return members;
}

Eigen::MatrixXd centred(const Members& members) {
  Eigen::MatrixXd values = members.cast<double>();
  values.rowwise() -= values.colwise().mean().eval();
  return values;
}

}  // namespace

TEST_CASE("scores and variances are those of the singular value decomposition") {
  for (const auto& [n, dimension] :
       {std::pair{2, 3}, {3, 1}, {4, 40}, {60, 8}, {50, 200}, {5, 4}}) {
    const Members members = planted(n, dimension, 20, 1);
    CAPTURE(members.rows());
    CAPTURE(members.cols());
    const Component found = component_of(members);
    const Eigen::MatrixXd values = centred(members);
    const Eigen::BDCSVD<Eigen::MatrixXd> svd(values, Eigen::ComputeThinU | Eigen::ComputeThinV);
    const double largest = svd.singularValues()[0];
    Eigen::VectorXd expected = largest * svd.matrixU().col(0);
    if (expected.dot(found.scores.cast<double>()) < 0) expected = -expected;
    // The component is five times or more as strong as the next one, so 30 iterations leave nothing
    // but float: 6e-8 of a row of norm `largest` in each of `dimension` products.
    const double tolerance = 1e-6 * largest * std::sqrt(dimension);
    CHECK((found.scores.cast<double>() - expected).cwiseAbs().maxCoeff() < tolerance);
    CHECK(found.variances.variance == doctest::Approx(largest * largest / n).epsilon(1e-5));
    CHECK(found.variances.total_variance ==
          doctest::Approx(values.squaredNorm() / n).epsilon(1e-5));
  }
}

TEST_CASE("the variance is the mean square of the scores, whose mean is zero") {
  const Component found = component_of(planted(33, 20, 3, 2));
  CHECK(found.variances.variance == doctest::Approx(found.scores.squaredNorm() / 33).epsilon(1e-5));
  CHECK(std::abs(found.scores.mean()) < 1e-5);
  CHECK(found.variances.variance < found.variances.total_variance);
}

TEST_CASE("a weak component is found to most of its variance") {
  // Pure noise: singular values close to each other. 30 iterations on 4 vectors need not separate
  // them, but must give a direction that explains nearly as much as the best one.
  const Members members = planted(300, 100, 0, 3);
  const Eigen::BDCSVD<Eigen::MatrixXd> svd(centred(members));
  const double best = svd.singularValues()[0] * svd.singularValues()[0] / 300;
  const Component found = component_of(members);
  CHECK(found.variances.variance <= best * (1 + 1e-5));
  CHECK(found.variances.variance > 0.98 * best);
}

TEST_CASE("the largest score is positive, so the sign does not depend on the arithmetic") {
  for (unsigned seed = 0; seed < 10; ++seed) {
    const Members members = planted(20, 6, 10, seed);
    Eigen::Index largest = 0;
    component_of(members).scores.cwiseAbs().maxCoeff(&largest);
    CHECK(component_of(members).scores[largest] > 0);
    CHECK(component_of(-members).scores[largest] > 0);
  }
}

TEST_CASE("the same members give the same bits") {
  const Members members = planted(70, 50, 1, 4);
  const Component first = component_of(members);
  for (int i = 0; i < 3; ++i) {
    const Component again = component_of(members);
    CHECK(again.scores == first.scores);
    CHECK(again.variances.variance == first.variances.variance);
  }
}

TEST_CASE("members that are all alike vary along nothing") {
  const Component found = component_of(Members::Constant(9, 5, 0.3F));
  // What is left is the rounding of the mean: 6e-8 of 0.3.
  CHECK(found.scores.cwiseAbs().maxCoeff() < 1e-6);
  CHECK(std::abs(found.variances.variance) < 1e-12);
  CHECK(std::abs(found.variances.total_variance) < 1e-6);
}

TEST_CASE("two members lie opposite each other, half their distance from the mean") {
  Members members(2, 4);
  members << 1, 2, 3, 4, 3, 2, 1, 4;
  const Component found = component_of(members);
  CHECK(std::abs(found.scores[0]) == doctest::Approx(std::sqrt(2.0)).epsilon(1e-6));
  CHECK(found.scores[0] == doctest::Approx(-found.scores[1]).epsilon(1e-6));
  CHECK(found.variances.variance == doctest::Approx(2).epsilon(1e-6));
}

TEST_CASE("too few members or dimensions are refused with their numbers") {
  float value = 0, score = 0;
  CHECK_THROWS_WITH_AS(cl2d::leading_component(&value, 1, 1, &score),
                       "a component needs 2 members of dimension 1 at least, not 1 of dimension 1",
                       std::invalid_argument);
  CHECK_THROWS_WITH_AS(cl2d::leading_component(&value, 5, 0, &score),
                       "a component needs 2 members of dimension 1 at least, not 5 of dimension 0",
                       std::invalid_argument);
}
