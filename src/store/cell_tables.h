/* cell_tables.h — the cell cache: sealed rows added up by what dashboards filter by, as whole numbers.
 *
 * A *cell* is the visits of one part and day that are the same in all of CELL_DIMENSIONS: a few
 * ten thousand a day, whatever the number of visits. Attached as database `cell`:
 *
 *   cell         cell, site, day, part, CELL_DIMENSIONS; visits, pageviews, events, bounces,
 *                duration_ms, and n_person, n_channel …: how many of its visits carry that flag
 *   entry        visits of a cell that entered by a page: cell, site, day, entry; visits, again
 *                (visits without the flag of entry_page), more (events − visits), other (events −
 *                pageviews), bounces, duration_ms
 *   page         events of a cell on a page, by the page their visit entered by: cell, site, day,
 *                page, entry; visits, again (visits without the person's flag of the page), more,
 *                other. A view: most rows have 1, 0, 0, 0 there and lie in page_one without them
 *   name         events of a cell by their name: cell, site, day, name; the same numbers, with the
 *                flags of names
 *   word         code, value: what `page`, `entry` and `name` stand for
 *   built, loaded  which days of which parts are in; which parts are in completely
 *
 * Flags (first.h) count persons in all of these, whatever the filter, but for persons whose visits
 * of the day are in several cells: a filter may take the visit that has the flag, or only others.
 * Their rows are kept as they are, so that a query can take back their flags and count them by id:
 *
 *   again        of each cell they were in: cell, site, day, person, varies, first
 *   again_entry, again_page, again_name  the same of each page or name where they have rows in
 *                several cells; flagged
 *
 * `varies` and `first` keep the bits of CELL_DIMENSIONS and of the entry page.
 *
 * No visit can be told from another here, but the rows of `again…` name persons by their ordinal of
 * the day, like the files they come from; they leave with these. */
#ifndef TAMIS_STORE_CELL_TABLES_H
#define TAMIS_STORE_CELL_TABLES_H

/* Visit attributes of few values. Order is that of the rows: similar ones side by side. */
/* clang-format off */
#define CELL_DIMENSIONS(X)                                                     \
    X(channel) X(source) X(utm_source) X(utm_medium) X(utm_campaign)           \
    X(country) X(device) X(os) X(browser)
/* clang-format on */

/* The code of the word `pageview`. */
enum { CELL_PAGEVIEW = 1 };

#endif
