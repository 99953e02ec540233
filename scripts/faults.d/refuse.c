/* Refuses one call of the system in turn, as a medium or a kernel would.
 *
 * Loaded before the C library (LD_PRELOAD). Nothing is refused until `refuse_use` names the state,
 * which lies in memory that the process shares with who judges it. Only calls on files below the
 * state's folder count, so that the interpreter's own files stay out of it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum call { OPEN, READ, WRITE, FSYNC, RENAME, CHMOD, FLOCK, STAT, MKDIR, UNLINK };

struct state {
    int call;    /* which is refused */
    int nth;     /* the number of the call that is refused first, from 1; 0 refuses none */
    int code;    /* the errno */
    int lasting; /* whether those after it are refused too */
    int fired;
    int seen[10]; /* by call */
    char folder[1024];
    char object[1024]; /* of the first call that was refused */
};

static struct state *state;

void refuse_use(struct state *shared) { state = shared; }

static int on_path(enum call call, const char *path)
{
    struct state *s = state;
    int number;
    if (!s || !path || strncmp(path, s->folder, strlen(s->folder)))
        return 0;
    number = __atomic_add_fetch(&s->seen[call], 1, __ATOMIC_SEQ_CST);
    if (s->call != (int)call || !s->nth || number < s->nth || (number > s->nth && !s->lasting))
        return 0;
    if (!__atomic_exchange_n(&s->fired, 1, __ATOMIC_SEQ_CST))
        strncpy(s->object, path, sizeof s->object - 1);
    errno = s->code;
    return 1;
}

static int on_fd(enum call call, int fd)
{
    char link[32], path[1024];
    long length;
    if (!state || fd < 0)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    length = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return on_path(call, path);
}

static int on_either(enum call call, int fd, const char *path)
{
    return path && *path ? on_path(call, path) : on_fd(call, fd);
}

#define NEXT(name) (__typeof__(&name))dlsym(RTLD_NEXT, #name)

#define WRAP(result, name, parameters, arguments, refused) \
    result name parameters                                 \
    {                                                      \
        static result (*next) parameters;                  \
        if (!next)                                         \
            next = NEXT(name);                             \
        return (refused) ? -1 : next arguments;            \
    }

#define WRAP_OPEN(name)                                                  \
    int name(const char *path, int flags, ...)                           \
    {                                                                    \
        static int (*next)(const char *, int, ...);                      \
        va_list rest;                                                    \
        mode_t mode;                                                     \
        va_start(rest, flags);                                           \
        mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0; \
        va_end(rest);                                                    \
        if (!next)                                                       \
            next = NEXT(name);                                           \
        return on_path(OPEN, path) ? -1 : next(path, flags, mode);       \
    }

WRAP_OPEN(open)
WRAP_OPEN(open64)
WRAP(ssize_t, read, (int fd, void *to, size_t n), (fd, to, n), on_fd(READ, fd))
WRAP(ssize_t, pread, (int fd, void *to, size_t n, off_t at), (fd, to, n, at), on_fd(READ, fd))
WRAP(ssize_t, pread64, (int fd, void *to, size_t n, off64_t at), (fd, to, n, at), on_fd(READ, fd))
WRAP(ssize_t, preadv, (int fd, const struct iovec *to, int n, off_t at), (fd, to, n, at),
     on_fd(READ, fd))
WRAP(ssize_t, preadv64, (int fd, const struct iovec *to, int n, off64_t at), (fd, to, n, at),
     on_fd(READ, fd))
WRAP(ssize_t, preadv2, (int fd, const struct iovec *to, int n, off_t at, int flags),
     (fd, to, n, at, flags), on_fd(READ, fd))
WRAP(ssize_t, preadv64v2, (int fd, const struct iovec *to, int n, off64_t at, int flags),
     (fd, to, n, at, flags), on_fd(READ, fd))
WRAP(ssize_t, write, (int fd, const void *from, size_t n), (fd, from, n), on_fd(WRITE, fd))
WRAP(ssize_t, pwrite, (int fd, const void *from, size_t n, off_t at), (fd, from, n, at),
     on_fd(WRITE, fd))
WRAP(ssize_t, pwrite64, (int fd, const void *from, size_t n, off64_t at), (fd, from, n, at),
     on_fd(WRITE, fd))
WRAP(int, ftruncate, (int fd, off_t n), (fd, n), on_fd(WRITE, fd))
WRAP(int, ftruncate64, (int fd, off64_t n), (fd, n), on_fd(WRITE, fd))
WRAP(int, fsync, (int fd), (fd), on_fd(FSYNC, fd))
WRAP(int, fdatasync, (int fd), (fd), on_fd(FSYNC, fd))
WRAP(int, rename, (const char *from, const char *to), (from, to), on_path(RENAME, to))
WRAP(int, chmod, (const char *path, mode_t mode), (path, mode), on_path(CHMOD, path))
WRAP(int, fchmod, (int fd, mode_t mode), (fd, mode), on_fd(CHMOD, fd))
WRAP(int, flock, (int fd, int how), (fd, how), on_fd(FLOCK, fd))
WRAP(int, stat, (const char *path, struct stat *to), (path, to), on_path(STAT, path))
WRAP(int, stat64, (const char *path, struct stat64 *to), (path, to), on_path(STAT, path))
WRAP(int, lstat, (const char *path, struct stat *to), (path, to), on_path(STAT, path))
WRAP(int, lstat64, (const char *path, struct stat64 *to), (path, to), on_path(STAT, path))
WRAP(int, fstat, (int fd, struct stat *to), (fd, to), on_fd(STAT, fd))
WRAP(int, fstat64, (int fd, struct stat64 *to), (fd, to), on_fd(STAT, fd))
WRAP(int, fstatat, (int fd, const char *path, struct stat *to, int flags), (fd, path, to, flags),
     on_either(STAT, fd, path))
WRAP(int, fstatat64, (int fd, const char *path, struct stat64 *to, int flags),
     (fd, path, to, flags), on_either(STAT, fd, path))
WRAP(int, access, (const char *path, int how), (path, how), on_path(STAT, path))
WRAP(int, mkdir, (const char *path, mode_t mode), (path, mode), on_path(MKDIR, path))
WRAP(int, unlink, (const char *path), (path), on_path(UNLINK, path))
