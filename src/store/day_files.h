/* day_files.h — a day's files (seal.h says what they hold). All write <root>/<path>.tmp and note its
 * rows. */
#ifndef TAMIS_STORE_DAY_FILES_H
#define TAMIS_STORE_DAY_FILES_H

#include "day_events.h"
#include "roll_sums.h"

/* What looks at the events on their way to the file, in its order. */
typedef int (*day_event_fn)(void *arg, const struct day_event *events, size_t count,
                            struct err *err);

int day_files_visits(const struct seal_job *job, const struct day_visits *visits,
                     struct seal_file *file, struct err *err) WARN_UNUSED;
int day_files_events(const struct seal_job *job, const struct day_visits *visits,
                     struct day_events *events, day_event_fn look, void *arg,
                     struct seal_file *file, struct err *err) WARN_UNUSED;
int day_files_rolls(const struct seal_job *job, const struct roll_sums *sums,
                    struct seal_file *file, struct err *err) WARN_UNUSED;

#endif
