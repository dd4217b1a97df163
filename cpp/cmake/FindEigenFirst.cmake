# Eigen arrives from PyPI (cmeel-eigen, a build requirement) in <site-packages>/cmeel.prefix.
# That prefix is searched first and alone, so that a stray system copy is never taken silently;
# the system is asked only when the wheel is absent (a plain C++ build without Python).
if(NOT Python_EXECUTABLE)
  find_package(Python COMPONENTS Interpreter QUIET)
endif()
if(Python_EXECUTABLE)
  execute_process(
    COMMAND
      "${Python_EXECUTABLE}" -c
      "import os, sys, sysconfig; p = sys.path + list(sysconfig.get_paths().values()); print(next((q for q in (os.path.join(d, 'cmeel.prefix') for d in p) if os.path.isdir(q)), ''))"
    OUTPUT_VARIABLE CL2D_CMEEL_PREFIX
    OUTPUT_STRIP_TRAILING_WHITESPACE
    ERROR_QUIET
  )
endif()
if(CL2D_CMEEL_PREFIX)
  find_package(Eigen3 3.4 CONFIG QUIET PATHS "${CL2D_CMEEL_PREFIX}" NO_DEFAULT_PATH)
endif()
if(NOT TARGET Eigen3::Eigen)
  find_package(Eigen3 3.4 CONFIG REQUIRED)
endif()
message(STATUS "Eigen ${Eigen3_VERSION} from ${Eigen3_DIR}")
