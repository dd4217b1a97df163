#include "cl2d/simd.hpp"

#include "faster_search.hpp"
#include "kernels/kernels.hpp"

#include <atomic>
#include <cstdlib>
#include <stdexcept>

namespace cl2d {
namespace {

using kernels::Table;

// Every flag a kernel file was compiled with is asked for; the builtin also checks the system's
// part.
std::vector<const Table*> runnable_tables() {
  std::vector<const Table*> tables{&kernels::kBaselineTable};
#ifdef CL2D_X86_KERNELS
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    tables.push_back(&kernels::kAvx2Table);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512bw")) {
      tables.push_back(&kernels::kAvx512Table);
    }
  }
#endif
  return tables;
}

const Table* find_table(const std::string& name) {
  std::string known;
  for (const Table* table : runnable_tables()) {
    if (name == table->name) return table;
    known += (known.empty() ? "" : ", ") + std::string(table->name);
  }
  throw std::invalid_argument("CL2D_SIMD must be one of " + known + " on this machine, not '" +
                              name + "'");
}

const Table* default_table() {
  const char* forced = std::getenv("CL2D_SIMD");
  if (forced != nullptr && *forced != '\0') return find_table(forced);
  const std::vector<const Table*> tables = runnable_tables();
  const Table* best = tables.back();
  // All but the slowest round alike, so that a choice made anew in each process changes no result.
  if (tables.size() > 2) best = faster_search(best, tables[tables.size() - 2]);
  return best;
}

// The one piece of global state: set once, read by every engine call.
std::atomic<const Table*>& active() {
  static std::atomic<const Table*> table{default_table()};
  return table;
}

}  // namespace

namespace kernels {
const Table& active_table() { return *active().load(); }
}  // namespace kernels

std::vector<std::string> available_simd_levels() {
  std::vector<std::string> names;
  for (const Table* table : runnable_tables()) names.emplace_back(table->name);
  return names;
}

std::string simd_level() { return kernels::active_table().name; }

void set_simd_level(const std::string& name) { active().store(find_table(name)); }

}  // namespace cl2d
