# A program of the core and the sources of one backend.
function(pqv_add_program target)
  add_executable(${target} ${ARGN})
  target_link_libraries(${target} PRIVATE pqv_bench_core)
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}")
  if(NOT APPLE)
    target_link_options(${target} PRIVATE -Wl,--gc-sections)
  endif()
  if(ANDROID)
    target_sources(${target} PRIVATE "${PROJECT_SOURCE_DIR}/src/core/android_unwind.cpp")
    target_link_options(${target} PRIVATE -s -Wl,-z,max-page-size=16384)
  endif()
endfunction()

# Fails the build when a C++ symbol that `target` needs is in no library of the folder `libraries`.
function(pqv_check_symbols target libraries)
  if(NOT CMAKE_NM)
    message(FATAL_ERROR "nm is needed to check the symbols of ${target}")
  endif()
  add_custom_command(TARGET ${target} POST_BUILD VERBATIM
    COMMAND "${CMAKE_COMMAND}" "-DNM=${CMAKE_NM}" "-DPROGRAM=$<TARGET_FILE:${target}>"
      "-DLIBRARIES=${libraries}" -P "${PROJECT_SOURCE_DIR}/cmake/check_symbols.cmake")
endfunction()
