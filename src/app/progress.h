/* progress.h — a bar on standard error while a command works, when that is a terminal. */
#ifndef TAMIS_APP_PROGRESS_H
#define TAMIS_APP_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

struct progress {
    bool show;
    int64_t began_ns, shown_ns;
};

void progress_begin(struct progress *p);
/* part: 0 to 1 of the work; done: of `unit`, from which the rate is made. Several times a second at
 * most. */
void progress_show(struct progress *p, double part, double done, const char *unit);
/* Takes the bar away. */
void progress_end(struct progress *p);
/* Since it began; never 0. */
double progress_seconds(const struct progress *p);

#endif
