#include "traffic_pages.h"

#include <stdio.h>

#include "draw.h"

enum { WORDS = 40, SLUGS = WORDS * WORDS * WORDS, STEP = 27011 /* shares no factor with SLUGS */ };

static const char *const fixed[] = {
    "/",     "/pricing",  "/products", "/blog",  "/about", "/contact", "/features",
    "/cart", "/checkout", "/docs",     "/login", "/jobs",  "/faq",     "/terms",
};
static const char *const sections[] = {"/blog/2025/", "/products/", "/blog/2024/", "/docs/guide/",
                                       "/products/"};
static const char *const firsts[WORDS] = {
    "better",  "choosing",  "simple",  "new",    "small", "handmade", "wooden",  "green",
    "quiet",   "first",     "best",    "fast",   "local", "winter",   "summer",  "organic",
    "cheap",   "practical", "leather", "linen",  "blue",  "white",    "vintage", "modern",
    "easy",    "classic",   "light",   "robust", "warm",  "fresh",    "smart",   "round",
    "folding", "portable",  "strong",  "soft",   "short", "complete", "honest",  "secret"};
static const char *const seconds[WORDS] = {
    "coffee",  "garden", "kitchen", "office", "desk",   "bicycle", "website", "privacy",
    "travel",  "family", "music",   "paper",  "stone",  "glass",   "wool",    "cotton",
    "server",  "team",   "budget",  "market", "school", "cooking", "baking",  "camera",
    "running", "hiking", "bread",   "cheese", "wine",   "tea",     "honey",   "soap",
    "candle",  "mirror", "table",   "shelf",  "sofa",   "balcony", "window",  "roof"};
static const char *const thirds[WORDS] = {
    "grinder", "guide",  "lamp",     "chair",    "tips",    "checklist", "story",    "review",
    "basics",  "ideas",  "set",      "bag",      "box",     "case",      "holder",   "cover",
    "tools",   "recipe", "workshop", "report",   "numbers", "questions", "plan",     "notes",
    "trends",  "habits", "mistakes", "calendar", "kit",     "stand",     "hook",     "rack",
    "bowl",    "cup",    "plate",    "brush",    "blanket", "pillow",    "notebook", "poster"};

static struct span page_path(struct arena *arena, uint32_t i, bool *ret_in_shop) {
    char text[128];
    if (i < ARRAY_LEN(fixed)) {
        *ret_in_shop = false;
        return arena_copy(arena, span_str(fixed[i]));
    }
    uint32_t slug = (uint32_t)((uint64_t)i * STEP % SLUGS);
    uint32_t section = (uint32_t)(draw_mix(i) % ARRAY_LEN(sections));
    int len = snprintf(text, sizeof(text), "%s%s-%s-%s", sections[section], firsts[slug % WORDS],
                       seconds[slug / WORDS % WORDS], thirds[slug / WORDS / WORDS]);
    if (i >= SLUGS)
        len += snprintf(text + len, sizeof(text) - (size_t)len, "-%u", i / SLUGS + 1);
    *ret_in_shop = sections[section][1] == 'p';
    return arena_copy(arena, span_of(text, (size_t)len));
}

struct traffic_page *traffic_pages(struct arena *arena, uint32_t count) {
    struct traffic_page *pages = ARENA_NEW(arena, struct traffic_page, count);
    for (uint32_t i = 0; pages && i < count; i++) {
        pages[i].path = page_path(arena, i, &pages[i].in_shop);
        if (!pages[i].path.ptr)
            return NULL;
    }
    return pages;
}
