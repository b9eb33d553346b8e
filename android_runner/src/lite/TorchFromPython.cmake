# Target pqv_torch: the PyTorch that Python3 imports. find_package(Torch) would ask for a CUDA toolkit where
# that PyTorch was built with CUDA, although a program on the processor needs none.
find_package(Python3 REQUIRED COMPONENTS Interpreter)
execute_process(
  COMMAND "${Python3_EXECUTABLE}" -c "import torch; from pathlib import Path
print(Path(torch.utils.cmake_prefix_path).parents[1].as_posix(), torch.__version__.split('+')[0],
      int(torch.compiled_with_cxx11_abi()), sep=';', end='')"
  OUTPUT_VARIABLE PQV_TORCH_FACTS RESULT_VARIABLE PQV_TORCH_FAILED ERROR_VARIABLE PQV_TORCH_ERROR)
if(PQV_TORCH_FAILED)
  message(FATAL_ERROR "${Python3_EXECUTABLE} cannot import torch; give another -DPython3_EXECUTABLE.\n${PQV_TORCH_ERROR}")
endif()
list(GET PQV_TORCH_FACTS 0 PQV_TORCH_ROOT)
list(GET PQV_TORCH_FACTS 1 PQV_TORCH_VERSION)
list(GET PQV_TORCH_FACTS 2 PQV_TORCH_CXX11_ABI)
message(STATUS "PyTorch ${PQV_TORCH_VERSION} in ${PQV_TORCH_ROOT}")

find_library(PQV_TORCH_CPU torch_cpu PATHS "${PQV_TORCH_ROOT}/lib" NO_DEFAULT_PATH REQUIRED)
find_library(PQV_C10 c10 PATHS "${PQV_TORCH_ROOT}/lib" NO_DEFAULT_PATH REQUIRED)
add_library(pqv_torch INTERFACE)
target_include_directories(pqv_torch SYSTEM INTERFACE "${PQV_TORCH_ROOT}/include"
  "${PQV_TORCH_ROOT}/include/torch/csrc/api/include")
target_link_libraries(pqv_torch INTERFACE "${PQV_TORCH_CPU}" "${PQV_C10}")
if(NOT APPLE)
  target_compile_definitions(pqv_torch INTERFACE _GLIBCXX_USE_CXX11_ABI=${PQV_TORCH_CXX11_ABI})
  # What these two libraries need in turn is found through their own run paths when the program starts.
  target_link_options(pqv_torch INTERFACE -Wl,--allow-shlib-undefined)
endif()
