#include "pydl/threads.h"

#include "runtime/threads.h"

namespace pydl {

int num_threads() { return runtime::thread_count(); }
void set_num_threads(int count) { runtime::set_thread_count(count); }

}  // namespace pydl
