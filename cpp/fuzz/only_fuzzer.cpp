// The fuzzer brings main, and CMake wants a source for each program.
#include "entry.hpp"
