/* traffic_pages.h — the paths of a made-up site, most visited first. */
#ifndef TAMIS_BENCH_TRAFFIC_PAGES_H
#define TAMIS_BENCH_TRAFFIC_PAGES_H

#include <stdbool.h>

#include "arena.h"

struct traffic_page {
    struct span path;
    bool in_shop; /* on the second host */
};

/* `count` different ones in the arena; NULL on out of memory. */
struct traffic_page *traffic_pages(struct arena *arena, uint32_t count) WARN_UNUSED;

#endif
