/* Samples the stack pointer of the thread that started it, under a timer signal.

   A signal's frame is written below the stack pointer of the thread that is interrupted. Where a kernel has moved that
   pointer elsewhere, the frame overwrites whatever is there. The handler runs on a stack of its own, so that the sampler
   itself does no harm, and looks where the pointer was. */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

static volatile long samples;
static volatile long strays;
static uintptr_t stack_begin;
static uintptr_t stack_end;
static timer_t timer;

static void look(int signal_number, siginfo_t* info, void* context) {
  (void)signal_number;
  (void)info;
#if defined(__x86_64__)
  const uintptr_t pointer = (uintptr_t)((ucontext_t*)context)->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
  const uintptr_t pointer = (uintptr_t)((ucontext_t*)context)->uc_mcontext.sp;
#else
  const uintptr_t pointer = stack_begin;
#endif
  ++samples;
  if (pointer < stack_begin || pointer > stack_end) ++strays;
}

/* Begins to sample the calling thread; 0 where that worked. */
int start_sampling(long microseconds) {
  pthread_attr_t attributes;
  void* address;
  size_t size;
  if (pthread_getattr_np(pthread_self(), &attributes) != 0) return 1;
  pthread_attr_getstack(&attributes, &address, &size);
  pthread_attr_destroy(&attributes);
  stack_begin = (uintptr_t)address;
  stack_end = stack_begin + size;

  const size_t bytes = 1 << 18;
  stack_t alternative;
  memset(&alternative, 0, sizeof alternative);
  alternative.ss_sp = malloc(bytes);
  alternative.ss_size = bytes;
  if (alternative.ss_sp == NULL || sigaltstack(&alternative, NULL) != 0) return 2;

  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = look;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
  if (sigaction(SIGRTMIN, &action, NULL) != 0) return 3;

  struct sigevent event;
  memset(&event, 0, sizeof event);
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = SIGRTMIN;
  event._sigev_un._tid = (int)syscall(SYS_gettid);
  if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) return 4;
  const struct itimerspec every = {{0, microseconds * 1000}, {0, microseconds * 1000}};
  return timer_settime(timer, 0, &every, NULL);
}

void stop_sampling(void) { timer_delete(timer); }

long sample_count(void) { return samples; }

/* How often the pointer was outside of the thread's stack. */
long stray_count(void) { return strays; }
