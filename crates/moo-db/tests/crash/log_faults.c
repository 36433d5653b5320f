/* Preloaded into a program: makes the faults that the file named by LOG_FAULTS orders, in what the program does with the
   logs of its store, and only there. An order is one line:

     fail sync          bringing a log to the disk fails as if the disk were broken, for as long as the order stands
     fail write         so does writing to one
     hold sync          a sync waits for as long as the order stands; `LOG_FAULTS.held` exists from when one does
     die PLACE N        the process is killed when it comes for the Nth time to `before_write`, `in_write` (half of the
                        bytes are there), `after_write`, `before_sync` or `after_sync`

   LOG_TRACE names a file that is told every write and sync: `w` or `s` and the moment, in nanoseconds, when it was over. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int is_log(int fd) {
    char link[64], path[4096];
    ssize_t len;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    len = readlink(link, path, sizeof path - 1);
    if (len < 4)
        return 0;
    path[len] = 0;
    return strcmp(path + len - 4, ".log") == 0;
}

/* Reads the order into `line`; an empty one where there is none. */
static void order(char *line, size_t size) {
    const char *name = getenv("LOG_FAULTS");
    int fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t len = fd < 0 ? 0 : read(fd, line, size - 1);
    if (fd >= 0)
        close(fd);
    line[len > 0 ? len : 0] = 0;
}

static int is_ordered(const char *what) {
    char line[64];
    order(line, sizeof line);
    return strncmp(line, what, strlen(what)) == 0;
}

static void pass(const char *place, unsigned *passed) {
    char line[64], wanted[32];
    unsigned nth;
    order(line, sizeof line);
    if (sscanf(line, "die %31s %u", wanted, &nth) == 2 && strcmp(wanted, place) == 0 &&
        __atomic_add_fetch(passed, 1, __ATOMIC_SEQ_CST) >= nth)
        kill(getpid(), SIGKILL);
}

static void trace(char what) {
    const char *name = getenv("LOG_TRACE");
    int fd = name ? open(name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    struct timespec now;
    if (fd < 0)
        return;
    clock_gettime(CLOCK_MONOTONIC, &now);
    dprintf(fd, "%c %lld\n", what, now.tv_sec * 1000000000LL + now.tv_nsec);
    close(fd);
}

static void hold(void) {
    char held[4096];
    while (is_ordered("hold sync")) {
        snprintf(held, sizeof held, "%s.held", getenv("LOG_FAULTS"));
        close(open(held, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
        usleep(1000);
    }
}

static int do_sync(int fd, long call) {
    static unsigned before, after;
    int result;
    if (!is_log(fd))
        return (int)syscall(call, fd);
    pass("before_sync", &before);
    hold();
    if (is_ordered("fail sync")) {
        errno = EIO;
        return -1;
    }
    result = (int)syscall(call, fd);
    pass("after_sync", &after);
    trace('s');
    return result;
}

int fdatasync(int fd) {
    return do_sync(fd, SYS_fdatasync);
}

int fsync(int fd) {
    return do_sync(fd, SYS_fsync);
}

ssize_t write(int fd, const void *bytes, size_t len) {
    static unsigned before, in, after;
    ssize_t result;
    if (!is_log(fd))
        return syscall(SYS_write, fd, bytes, len);
    pass("before_write", &before);
    if (is_ordered("fail write")) {
        errno = EIO;
        return -1;
    }
    if (is_ordered("die in_write")) {
        result = syscall(SYS_write, fd, bytes, len / 2);
        pass("in_write", &in);
        if (result >= 0 && (size_t)result < len) {
            ssize_t rest = syscall(SYS_write, fd, (const char *)bytes + result, len - result);
            result = rest < 0 ? rest : result + rest;
        }
    } else {
        result = syscall(SYS_write, fd, bytes, len);
    }
    pass("after_write", &after);
    trace('w');
    return result;
}
