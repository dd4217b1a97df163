// OpenMP is optional: without it every loop runs on one thread and gives the same bits.
#pragma once

#ifdef _OPENMP
#include <omp.h>
#endif

namespace cl2d {

inline int thread_index() {
#ifdef _OPENMP
  return omp_get_thread_num();
#else
  return 0;
#endif
}

}  // namespace cl2d
