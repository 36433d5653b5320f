/* Preloaded into a program: while the file named by FAILING_SYNC exists, bringing a log of the store to the disk fails as
   if the disk were broken. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fails(int fd) {
    const char *order = getenv("FAILING_SYNC");
    char link[64], path[4096];
    ssize_t len;
    if (!order || access(order, F_OK) != 0)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    len = readlink(link, path, sizeof path - 1);
    if (len < 4)
        return 0;
    path[len] = 0;
    return strcmp(path + len - 4, ".log") == 0;
}

int fdatasync(int fd) {
    if (fails(fd)) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd) {
    if (fails(fd)) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}
