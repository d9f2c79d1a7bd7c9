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
 *                other
 *   name         events of a cell by their name: cell, site, day, name; the same numbers, with the
 *                flags of names
 *   pair         events of a cell on a page by their name: page, entry, name; the same numbers; a
 *                person is flagged once a page and name
 *   word         code, value: what `page`, `entry` and `name` stand for
 *   built, loaded  which days of which parts are in; which parts are in completely
 *
 * Most rows follow from others, so these are views. An entry is mostly one visit that went no
 * further (entry_bounce) or did (entry_one), else a row of entry_more; a row of pages mostly one
 * view by one visit (page_one). A visit is on the page it entered by, so that part of `page` is
 * `entry`. What a cell has is page views, so that part of `name` is `cell` and that part of `pair` is
 * `page`. Whatever is not as they say is a difference in page_more, name_more and pair_more, whose
 * numbers may be negative: figures are sums, and a row whose visits add up to 0 is none.
 *
 * Flags (first.h) count persons in all of these, whatever the filter, but for persons whose visits
 * of the day are in several cells: a filter may take the visit that has the flag, or only others.
 * Their rows are kept as they are, so that a query can take back their flags and count them by id:
 *
 *   again        of each cell they were in: cell, site, day, person, varies, first
 *   again_entry, again_page, again_name, again_pair  the same of each page or name, or page and
 *                name, where they have rows in several cells; flagged
 *
 * The last two are views: `again` and again_page under the name `pageview`, but for persons (on that
 * page) of whom that is not the whole truth; they are `mixed` there, and all their rows are in
 * again_name_more and again_pair_more.
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
