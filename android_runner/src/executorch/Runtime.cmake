# Target pqv_executorch: headers and libraries of ExecuTorch.
if(ANDROID)
  foreach(needed PQV_NPM PQV_FBJNI PQV_RUNTIME_VERSION)
    if(NOT ${needed})
      message(FATAL_ERROR "Building for Android needs -D${needed}=...")
    endif()
  endforeach()
  set(PQV_EXECUTORCH_VERSION "${PQV_RUNTIME_VERSION}")
  set(unpacked "${CMAKE_BINARY_DIR}/react-native-executorch")
  set(PQV_EXECUTORCH_LIBRARIES "${unpacked}/libraries")
  set(third_party "${unpacked}/package/third-party")
  set(library "package/third-party/android/libs/executorch/${ANDROID_ABI}/libexecutorch.so")
  if(NOT EXISTS "${unpacked}/${library}")
    file(ARCHIVE_EXTRACT INPUT "${PQV_NPM}" DESTINATION "${unpacked}"
      PATTERNS "package/third-party/include/executorch/*" "package/third-party/include/c10/*"
        "package/third-party/include/torch/*" "${library}")
    file(ARCHIVE_EXTRACT INPUT "${PQV_FBJNI}" DESTINATION "${unpacked}" PATTERNS "jni/${ANDROID_ABI}/*")
  endif()
  file(MAKE_DIRECTORY "${PQV_EXECUTORCH_LIBRARIES}")
  # Under the name by which the program asks for it, beside those that it needs itself.
  file(COPY_FILE "${unpacked}/${library}" "${PQV_EXECUTORCH_LIBRARIES}/libexecutorch_jni.so" ONLY_IF_DIFFERENT)
  foreach(name fbjni c++_shared)
    file(COPY_FILE "${unpacked}/jni/${ANDROID_ABI}/lib${name}.so" "${PQV_EXECUTORCH_LIBRARIES}/lib${name}.so"
      ONLY_IF_DIFFERENT)
  endforeach()
  set(include "${third_party}/include")
  set(libraries executorch_jni fbjni)
  set(CMAKE_SKIP_RPATH ON)
else()
  set(include "${PQV_EXECUTORCH_SDK}/include")
  if(NOT EXISTS "${include}/executorch" OR NOT EXISTS "${PQV_EXECUTORCH_SDK}/lib/libexecutorch.so")
    message(FATAL_ERROR "-DPQV_EXECUTORCH_SDK=... has to be the folder `executorch` of an unpacked executorch wheel, "
      "1.5 or later")
  endif()
  file(STRINGS "${PQV_EXECUTORCH_SDK}/version.py" PQV_EXECUTORCH_VERSION REGEX "^__version__ = ")
  string(REGEX MATCH "[0-9]+[.][0-9]+[.][0-9]+" PQV_EXECUTORCH_VERSION "${PQV_EXECUTORCH_VERSION}")
  set(PQV_EXECUTORCH_LIBRARIES "${PQV_EXECUTORCH_SDK}/lib")
  set(libraries executorch executorch_backend_xnnpack executorch_kernels_optimized executorch_kernels_quantized
    executorch_threadpool)
endif()

add_library(pqv_executorch INTERFACE)
target_include_directories(pqv_executorch SYSTEM INTERFACE "${include}"
  "${include}/executorch/runtime/core/portable_type/c10")
# Otherwise its c10 headers ask for one that only PyTorch's build makes.
target_compile_definitions(pqv_executorch INTERFACE C10_USING_CUSTOM_GENERATED_MACROS)
target_link_directories(pqv_executorch INTERFACE "${PQV_EXECUTORCH_LIBRARIES}")
# Kernels and delegates register themselves: nothing calls them, and they must be loaded all the same.
list(TRANSFORM libraries PREPEND "-l")
target_link_libraries(pqv_executorch INTERFACE -Wl,--push-state,--no-as-needed ${libraries} -Wl,--pop-state)
target_link_options(pqv_executorch INTERFACE -Wl,--allow-shlib-undefined)
if(NOT ANDROID)
  target_link_options(pqv_executorch INTERFACE "-Wl,-rpath,${PQV_EXECUTORCH_LIBRARIES}")
endif()
