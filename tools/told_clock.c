/* told_clock.c — to be preloaded: the wall clock says what stands in the file TOLD_CLOCK, eight
 * bytes, nanoseconds since 1970 little-endian. Whoever writes there decides what time it
 * is. The monotonic clock stays real. For the demo, whose two months pass in seconds, and
 * for tests of midnight. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *told;

__attribute__((constructor)) static void open_clock(void) {
    const char *path = getenv("TOLD_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *page = mmap(NULL, sizeof(*told), PROT_READ, MAP_SHARED, fd, 0);
    if (page != MAP_FAILED)
        told = page;
    (void)close(fd);
}

__attribute__((visibility("default"))) int clock_gettime(clockid_t id, struct timespec *ret) {
    if (!told || id != CLOCK_REALTIME)
        return (int)syscall(SYS_clock_gettime, id, ret);
    int64_t ns = *told;
    *ret = (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    return 0;
}
