// The end of a cleanup, made with nothing but what libc++_shared.so exports. (Android only.)
//
// Compilers end a destructor that an exception passes with a call of _Unwind_Resume, from an unwinder that the
// toolchain links in: libgcc's up to NDK r22, LLVM's after it. It then reads what the unwinder inside the AAR's
// libc++_shared.so has written, and the two agree only where they are the same one. Catching the exception and
// throwing it again leaves all of the unwinding to that library. The exception's memory is never given back; a
// program that ends after its first failure can bear that.
#include <cxxabi.h>

extern "C" [[noreturn]] __attribute__((visibility("hidden"))) void _Unwind_Resume(void* exception);

void _Unwind_Resume(void* exception) {
  __cxxabiv1::__cxa_begin_catch(exception);
  __cxxabiv1::__cxa_rethrow();
}
