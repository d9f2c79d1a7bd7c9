/* crash_disk.h — a struct os for one flat folder that remembers what is really durable.
 *
 * The folder's real files show what a running process sees (the page cache). Beside them the disk
 * keeps, in memory, what fsync and fdatasync made durable, and a list of what was not synced:
 * writes and sizes a file, names for the folder. A power cut decides by the seed for each of those,
 * writes by the 512-byte sector, whether it was kept, dropped or garbled, and rewrites the real
 * folder accordingly.
 *
 * A sync that fails (by sync_failure_percent) behaves as Linux does: some of the dirty data has
 * reached the disk, the rest is forgotten for good, while the process still sees it and later syncs
 * succeed.
 *
 * Paths outside the folder pass through. Thread-safe. */
#ifndef TAMIS_CRASH_DISK_H
#define TAMIS_CRASH_DISK_H

#include <pthread.h>

#include "os.h"

struct disk_file;
struct disk_names;

struct crash_disk {
    struct os os; /* pass &d->os */
    char dir[200];
    pthread_mutex_t lock;
    uint64_t random;
    unsigned sync_failure_percent;
    unsigned write_failure_percent; /* ENOSPC after a part was written */
    unsigned long calls_left;       /* mutating calls until the power is gone and all fail */
    struct disk_file *files;
    struct disk_names *names;
};

/* `dir` exists and is empty. False on out of memory. */
bool crash_disk_init(struct crash_disk *d, const char *dir, uint64_t seed);
void crash_disk_release(struct crash_disk *d);

/* The power goes after n more calls (ULONG_MAX: it stays). */
void crash_disk_cut_after(struct crash_disk *d, unsigned long n);
bool crash_disk_powered(struct crash_disk *d);

/* The power is gone, and back: the folder holds what survived. All descriptors must be closed. */
void crash_disk_cut(struct crash_disk *d);

/* The next number of the seeded sequence, below n. */
uint64_t crash_disk_random(struct crash_disk *d, uint64_t n);

#endif
