# Target pqv_torch: headers and libraries of an AAR of org.pytorch:pytorch_android_lite.
if(NOT ANDROID)
  message(FATAL_ERROR "Building against an AAR needs a toolchain for Android: -DCMAKE_TOOLCHAIN_FILE=...")
endif()
if(NOT PQV_RUNTIME_VERSION)
  message(FATAL_ERROR "Say which version the AAR has: -DPQV_RUNTIME_VERSION=...")
endif()
# From 14 on, Clang ends a cleanup with __cxa_end_cleanup on 32-bit ARM. That of the AAR's libc++_shared.so has no
# unwind table, so that any exception that passes a destructor aborts the program.
if(ANDROID_ABI STREQUAL "armeabi-v7a" AND CMAKE_CXX_COMPILER_VERSION VERSION_GREATER_EQUAL 14)
  message(FATAL_ERROR "armeabi-v7a needs Clang 13 or older (NDK r23), not ${CMAKE_CXX_COMPILER_VERSION}")
endif()
set(PQV_TORCH_VERSION "${PQV_RUNTIME_VERSION}")
set(PQV_AAR_ROOT "${CMAKE_BINARY_DIR}/aar")
set(PQV_AAR_LIBRARIES "${PQV_AAR_ROOT}/jni/${ANDROID_ABI}")
if(NOT EXISTS "${PQV_AAR_LIBRARIES}/libpytorch_jni_lite.so")
  file(ARCHIVE_EXTRACT INPUT "${PQV_AAR}" DESTINATION "${PQV_AAR_ROOT}" PATTERNS "headers/*" "jni/${ANDROID_ABI}/*")
endif()

add_library(pqv_torch INTERFACE)
target_include_directories(pqv_torch SYSTEM INTERFACE "${PQV_AAR_ROOT}/headers"
  "${PQV_AAR_ROOT}/headers/torch/csrc/api/include")
target_link_libraries(pqv_torch INTERFACE "${PQV_AAR_LIBRARIES}/libpytorch_jni_lite.so"
  "${PQV_AAR_LIBRARIES}/libfbjni.so")
# libc++_shared.so is the AAR's too, and it is what stands beside the program on the phone.
target_link_directories(pqv_torch INTERFACE "${PQV_AAR_LIBRARIES}")
set(CMAKE_SKIP_RPATH ON)
# The AAR's libraries for ARM carry local symbols in the global part of their table, which lld calls an error:
# --noinhibit-exec makes that a warning. It would hide an undefined symbol too, hence pqv_check_symbols.
target_link_options(pqv_torch INTERFACE -Wl,--allow-shlib-undefined -Wl,--noinhibit-exec)
