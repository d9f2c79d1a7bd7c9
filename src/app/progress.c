#include "progress.h"

#include <stdio.h>
#include <unistd.h>

#include "clock.h"

enum { PAUSE_NS = 200000000, WIDTH = 30 };

void progress_begin(struct progress *p) {
    *p = (struct progress){.show = isatty(STDERR_FILENO) == 1,
                           .began_ns = clock_mono_ns(&clock_system)};
}

double progress_seconds(const struct progress *p) {
    return (double)(clock_mono_ns(&clock_system) - p->began_ns) / 1e9 + 1e-9;
}

void progress_show(struct progress *p, double part, double done, const char *unit) {
    int64_t now = clock_mono_ns(&clock_system);
    if (!p->show || now - p->shown_ns < PAUSE_NS)
        return;
    p->shown_ns = now;
    double took = progress_seconds(p);
    part = part < 0 ? 0 : part > 1 ? 1 : part;
    int bar = (int)(part * WIDTH);
    (void)fprintf(stderr, "\r[%.*s%.*s] %3.0f %%  %.0f %s/s  %.0f s left ", bar,
                  "##############################", WIDTH - bar, "                              ",
                  part * 100, done / took, unit, part > 0 ? took / part - took : 0);
}

void progress_end(struct progress *p) {
    if (p->show && p->shown_ns)
        (void)fputs("\r\033[K", stderr);
    p->shown_ns = 0;
}
