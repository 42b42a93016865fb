/* For LD_PRELOAD: the n-th allocation, write or start of a thread from now on fails, once.

   trust_fail(kind, n, error) arms it, trust_left(kind) is 0 once it has failed; with the error 0,
   the n-th write writes half. trust_seen(kind) counts calls. After trust_tell(file) a crash writes
   into the file which library it happened in. x86-64. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

enum { ALLOCATION, WRITE, THREAD, KINDS };

static volatile long left[KINDS], seen[KINDS];
static int error_of[KINDS];

void trust_fail(int kind, long n, int error)
{
    error_of[kind] = error;
    left[kind] = n;
}

long trust_left(int kind) { return left[kind]; }
long trust_seen(int kind) { return seen[kind]; }

static int fails(int kind)
{
    __atomic_add_fetch(&seen[kind], 1, __ATOMIC_RELAXED);
    if (left[kind] <= 0 || __atomic_sub_fetch(&left[kind], 1, __ATOMIC_RELAXED) != 0) return 0;
    errno = error_of[kind];
    return 1;
}

static int told;

static void crash(int signal, siginfo_t *info, void *context)
{
    Dl_info found;
    void *at = (void *)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
    (void)signal, (void)info;
    if (dladdr(at, &found) && found.dli_fname)
        syscall(SYS_write, told, found.dli_fname, strlen(found.dli_fname));
    _exit(99);
}

void trust_tell(int file)
{
    struct sigaction action = {.sa_sigaction = crash, .sa_flags = SA_SIGINFO};
    told = file;
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
}

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

void *malloc(size_t n) { return fails(ALLOCATION) ? NULL : __libc_malloc(n); }
void *calloc(size_t n, size_t size) { return fails(ALLOCATION) ? NULL : __libc_calloc(n, size); }
void *realloc(void *p, size_t n) { return fails(ALLOCATION) ? NULL : __libc_realloc(p, n); }
void *aligned_alloc(size_t to, size_t n) { return fails(ALLOCATION) ? NULL : __libc_memalign(to, n); }
int posix_memalign(void **p, size_t to, size_t n)
{
    void *found = fails(ALLOCATION) ? NULL : __libc_memalign(to, n);
    if (!found) return ENOMEM;
    *p = found;
    return 0;
}

ssize_t write(int file, const void *data, size_t n)
{
    if (fails(WRITE)) {
        if (error_of[WRITE]) return -1;
        n = (n + 1) / 2;
    }
    return syscall(SYS_write, file, data, n);
}

static int write_fails(void) { return fails(WRITE) && error_of[WRITE]; }
int fsync(int file) { return write_fails() ? -1 : syscall(SYS_fsync, file); }
int fdatasync(int file) { return write_fails() ? -1 : syscall(SYS_fdatasync, file); }
int ftruncate64(int file, off_t n) { return write_fails() ? -1 : syscall(SYS_ftruncate, file, n); }
int rename(const char *from, const char *to)
{
    return write_fails() ? -1 : syscall(SYS_rename, from, to);
}

int pthread_create(pthread_t *id, const pthread_attr_t *with, void *(*run)(void *), void *given)
{
    if (fails(THREAD)) return error_of[THREAD];
    int (*next)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *) =
        dlsym(RTLD_NEXT, "pthread_create");
    return next(id, with, run, given);
}
