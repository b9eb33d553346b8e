#include "executorch/xnnpack.hpp"

#include <dlfcn.h>

#include <cstddef>

namespace {

// Of xnnpack.h, which the runtime's packages lack.
constexpr std::uint32_t kBasicProfiling = 8;  // XNN_FLAG_BASIC_PROFILING
constexpr int kSuccess = 0;                   // xnn_status_success
enum ProfileInfo { kCount = 0, kNames = 1, kMicroseconds = 2 };

using CreateRuntime = int (*)(void* subgraph, void* weights_cache, void* workspace, void* threadpool,
                              std::uint32_t flags, void** runtime);
using ProfilingInfo = int (*)(void* runtime, int what, std::size_t size, void* value, std::size_t* needed);

// All that is loaded while a Timed exists; loading happens on one thread.
bool timing = false;
std::vector<void*> loaded;

}  // namespace

// ExecuTorch's call of XNNPACK comes here, because a program's own symbols stand before those of its libraries; it is
// exported by the linker's --export-dynamic-symbol. The real one is the next.
extern "C" __attribute__((visibility("default"))) int xnn_create_runtime_v4(void* subgraph, void* weights_cache,
                                                                            void* workspace, void* threadpool,
                                                                            std::uint32_t flags, void** runtime);

extern "C" int xnn_create_runtime_v4(void* subgraph, void* weights_cache, void* workspace, void* threadpool,
                                     std::uint32_t flags, void** runtime) {
  static const auto real = reinterpret_cast<CreateRuntime>(::dlsym(RTLD_NEXT, "xnn_create_runtime_v4"));
  if (real == nullptr) {
    return 1;  // xnn_status_uninitialized: cannot be, for who called this was linked with the real one
  }
  const int status =
      real(subgraph, weights_cache, workspace, threadpool, timing ? flags | kBasicProfiling : flags, runtime);
  if (timing && status == kSuccess) {
    loaded.push_back(*runtime);
  }
  return status;
}

namespace pqv::xnnpack {
namespace {

template <typename Item>
std::vector<Item> asked(Runtime runtime, ProfileInfo what) {
  static const auto info = reinterpret_cast<ProfilingInfo>(::dlsym(RTLD_DEFAULT, "xnn_get_runtime_profiling_info"));
  std::size_t bytes = 0;
  if (info == nullptr) {
    return {};
  }
  info(runtime, what, 0, nullptr, &bytes);  // says how much there is
  std::vector<Item> items(bytes / sizeof(Item));
  if (items.empty() || info(runtime, what, bytes, items.data(), &bytes) != kSuccess) {
    return {};
  }
  return items;
}

}  // namespace

Timed::Timed() {
  loaded.clear();
  timing = true;
}

Timed::~Timed() { timing = false; }

const std::vector<Runtime>& Timed::runtimes() const { return loaded; }

std::vector<std::pair<std::string, std::int64_t>> operators(Runtime runtime) {
  const auto names = asked<char>(runtime, kNames);  // one after another, each ended by a zero
  const auto times = asked<std::uint64_t>(runtime, kMicroseconds);
  std::vector<std::pair<std::string, std::int64_t>> found;
  std::size_t at = 0;
  for (const auto time : times) {
    std::string name;
    for (; at < names.size() && names[at] != '\0'; ++at) {
      name += names[at];
    }
    ++at;
    found.emplace_back(name, static_cast<std::int64_t>(time) * 1000);
  }
  return found;
}

}  // namespace pqv::xnnpack
