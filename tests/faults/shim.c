/* Calls into the file system that fail on request: for tests, put before the C library by LD_PRELOAD.
 *
 * Rules are separated by newlines, their parts by tabs:
 *
 *     CALL  PATTERN  ACTION  NTH  TIMES
 *
 * CALL is open, read, write, fsync, rename, mmap or close; all forms of it are meant (pread, writev,
 * fread ...). PATTERN is a shell pattern that the path must match. ACTION is the number of an error,
 * "sleep SECONDS", "short BYTES" (of a read or write), "kill" (the process ends at once) or "note".
 * The rule holds from its NTH matching call, counted from 1, for TIMES calls (0: for ever).
 * Every time that a rule takes effect, "CALL <tab> PATH" is appended to the log.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define MOST_RULES 64

struct rule {
    char call[16];
    char pattern[PATH_MAX];
    char action[32];
    long nth, times, seen;
};

static struct rule rules[MOST_RULES];
static int n_rules;
static int log_file = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Take the place of all rules; a test calls this in a forked process. */
void cl2d_set_faults(const char *text, const char *log_path) {
    pthread_mutex_lock(&lock);
    n_rules = 0;
    if (log_path)
        log_file = (int)syscall(SYS_openat, AT_FDCWD, log_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    while (text && *text && n_rules < MOST_RULES) {
        struct rule *r = &rules[n_rules];
        memset(r, 0, sizeof *r);
        if (sscanf(text, "%15[^\t]\t%4095[^\t]\t%31[^\t]\t%ld\t%ld", r->call, r->pattern, r->action,
                   &r->nth, &r->times) == 5)
            n_rules++;
        text = strchr(text, '\n');
        if (text) text++;
    }
    pthread_mutex_unlock(&lock);
}

__attribute__((constructor)) static void start(void) {
    cl2d_set_faults(getenv("CL2D_TEST_FAULTS"), getenv("CL2D_TEST_FAULTS_LOG"));
}

static void note(const char *call, const char *path) {
    char line[PATH_MAX + 32];
    int n = snprintf(line, sizeof line, "%s\t%s\n", call, path);
    if (log_file >= 0 && n > 0) syscall(SYS_write, log_file, line, (size_t)n);
}

/* Return 0 to go on, -1 with errno set to fail; *count may become smaller. */
static int fault(const char *call, const char *path, size_t *count) {
    char action[32] = "";
    if (n_rules == 0) return 0;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < n_rules; i++) {
        struct rule *r = &rules[i];
        if (strcmp(r->call, call) != 0 || fnmatch(r->pattern, path, 0) != 0) continue;
        r->seen++;
        if (r->seen >= r->nth && (r->times == 0 || r->seen < r->nth + r->times)) {
            note(call, path);
            if (strcmp(r->action, "note") != 0) strcpy(action, r->action);
        }
    }
    pthread_mutex_unlock(&lock);
    if (strncmp(action, "sleep ", 6) == 0) {
        double seconds = atof(action + 6);
        struct timespec t = {(time_t)seconds, (long)(1e9 * (seconds - (double)(time_t)seconds))};
        nanosleep(&t, NULL);
    } else if (strncmp(action, "short ", 6) == 0) {
        size_t most = (size_t)atol(action + 6);
        if (count && *count > most) *count = most;
    } else if (strcmp(action, "kill") == 0) {
        syscall(SYS_kill, getpid(), SIGKILL);
    } else if (action[0]) {
        errno = atoi(action);
        return -1;
    }
    return 0;
}

static int fault_fd(const char *call, int fd, size_t *count) {
    char link[64], path[PATH_MAX];
    if (n_rules == 0 || fd == log_file) return 0;
    int kept = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    errno = kept;
    if (n < 0) return 0;
    path[n] = 0;
    return fault(call, path, count);
}

static int fault_at(const char *call, int folder, const char *name) {
    char link[64], path[PATH_MAX];
    if (n_rules == 0) return 0;
    if (name[0] == '/') return fault(call, name, NULL);
    int kept = errno;
    ssize_t n;
    if (folder == AT_FDCWD) {
        n = getcwd(path, sizeof path) ? (ssize_t)strlen(path) : -1;
    } else {
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        n = readlink(link, path, sizeof path - 1);
    }
    errno = kept;
    if (n < 0) return 0;
    snprintf(path + n, sizeof path - (size_t)n, "/%s", name);
    return fault(call, path, NULL);
}

static int open_at(int folder, const char *name, int flags, mode_t mode) {
    if (fault_at("open", folder, name)) return -1;
    return (int)syscall(SYS_openat, folder, name, flags, mode);
}

#define MODE_OF(flags)                                  \
    mode_t mode = 0;                                    \
    if ((flags) & (O_CREAT | __O_TMPFILE)) {            \
        va_list rest;                                   \
        va_start(rest, flags);                          \
        mode = (mode_t)va_arg(rest, int);               \
        va_end(rest);                                   \
    }

int open(const char *name, int flags, ...) { MODE_OF(flags) return open_at(AT_FDCWD, name, flags, mode); }
int open64(const char *name, int flags, ...) { MODE_OF(flags) return open_at(AT_FDCWD, name, flags, mode); }
int openat(int at, const char *name, int flags, ...) { MODE_OF(flags) return open_at(at, name, flags, mode); }
int openat64(int at, const char *name, int flags, ...) { MODE_OF(flags) return open_at(at, name, flags, mode); }

ssize_t read(int fd, void *buffer, size_t n) {
    return fault_fd("read", fd, &n) ? -1 : syscall(SYS_read, fd, buffer, n);
}
ssize_t pread(int fd, void *buffer, size_t n, off_t at) {
    return fault_fd("read", fd, &n) ? -1 : syscall(SYS_pread64, fd, buffer, n, at);
}
ssize_t pread64(int fd, void *buffer, size_t n, off64_t at) { return pread(fd, buffer, n, at); }

/* Python gives one buffer at a time, so that is all a short read has to do. */
ssize_t preadv(int fd, const struct iovec *parts, int n_parts, off_t at) {
    if (n_parts == 1) return pread(fd, parts[0].iov_base, parts[0].iov_len, at);
    return fault_fd("read", fd, NULL) ? -1 : syscall(SYS_preadv, fd, parts, n_parts, at, 0);
}
ssize_t preadv2(int fd, const struct iovec *parts, int n_parts, off_t at, int flags) {
    (void)flags;
    return preadv(fd, parts, n_parts, at);
}
ssize_t preadv64v2(int fd, const struct iovec *p, int n, off64_t at, int flags) { return preadv2(fd, p, n, at, flags); }
ssize_t preadv64(int fd, const struct iovec *p, int n, off64_t at) { return preadv(fd, p, n, at); }

ssize_t write(int fd, const void *buffer, size_t n) {
    return fault_fd("write", fd, &n) ? -1 : syscall(SYS_write, fd, buffer, n);
}
ssize_t pwrite(int fd, const void *buffer, size_t n, off_t at) {
    return fault_fd("write", fd, &n) ? -1 : syscall(SYS_pwrite64, fd, buffer, n, at);
}
ssize_t pwrite64(int fd, const void *b, size_t n, off64_t at) { return pwrite(fd, b, n, at); }
ssize_t writev(int fd, const struct iovec *parts, int n_parts) {
    return fault_fd("write", fd, NULL) ? -1 : syscall(SYS_writev, fd, parts, n_parts);
}

/* The C library's own streams call its own read and write, past this file. */
size_t fwrite(const void *data, size_t size, size_t n, FILE *stream) {
    static size_t (*real)(const void *, size_t, size_t, FILE *);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "fwrite");
    return fault_fd("write", fileno(stream), NULL) ? 0 : real(data, size, n, stream);
}
size_t fread(void *data, size_t size, size_t n, FILE *stream) {
    static size_t (*real)(void *, size_t, size_t, FILE *);
    if (!real) *(void **)&real = dlsym(RTLD_NEXT, "fread");
    return fault_fd("read", fileno(stream), NULL) ? 0 : real(data, size, n, stream);
}

int fsync(int fd) { return fault_fd("fsync", fd, NULL) ? -1 : (int)syscall(SYS_fsync, fd); }
int fdatasync(int fd) { return fault_fd("fsync", fd, NULL) ? -1 : (int)syscall(SYS_fdatasync, fd); }

/* The path of a rename is that of the new name. */
static int rename_at(int from, const char *old, int to, const char *new) {
    return fault_at("rename", to, new) ? -1 : (int)syscall(SYS_renameat2, from, old, to, new, 0);
}
int rename(const char *old, const char *new) { return rename_at(AT_FDCWD, old, AT_FDCWD, new); }
int renameat(int from, const char *old, int to, const char *new) { return rename_at(from, old, to, new); }

void *mmap(void *at, size_t n, int kind, int flags, int fd, off_t offset) {
    if (fd >= 0 && fault_fd("mmap", fd, NULL)) return MAP_FAILED;
    return (void *)syscall(SYS_mmap, at, n, kind, flags, fd, offset);
}
void *mmap64(void *at, size_t n, int k, int f, int fd, off64_t o) { return mmap(at, n, k, f, fd, o); }

/* A file that cannot be closed is closed all the same, as by the system. */
int close(int fd) {
    int failed = fault_fd("close", fd, NULL), kept = errno;
    int closed = (int)syscall(SYS_close, fd);
    if (failed) errno = kept;
    return failed ? -1 : closed;
}
