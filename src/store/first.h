/* first.h — the flags by which unique visitors become sums.
 *
 * A person is counted once a day at each value: the row that brings it there carries a flag, so
 * that "visitors of a page" is a sum over rows and needs no set of ids. The flags are exact for a
 * query without filter that splits by one attribute (and by days); anything else counts ids.
 *
 * Rows of table event (page views and custom events; engagement has none): FIRST_PERSON is set once
 * a person and day, FIRST_PAGE once a person, day and page, and so on; the FIRST_VISIT… flags once
 * a visit.
 *
 * Rows of table visit: bit FIRST_OF(dimension) says that this row changes whether its person is
 * present at its value: sum(sign) over rows with the bit is the number of persons. In sealed files,
 * whose rows have no sign, each person has one row with the bit at each value it was at. */
#ifndef TAMIS_STORE_FIRST_H
#define TAMIS_STORE_FIRST_H

enum event_first {
    FIRST_PERSON = 1 << 0,
    FIRST_PAGE = 1 << 1,
    FIRST_NAME = 1 << 2,
    FIRST_HOSTNAME = 1 << 3,
    FIRST_HOUR = 1 << 4,
    FIRST_VISIT = 1 << 5,
    FIRST_VISIT_PAGE = 1 << 6,
    FIRST_VISIT_NAME = 1 << 7,
    FIRST_VISIT_HOSTNAME = 1 << 8,
    FIRST_VISIT_HOUR = 1 << 9,
};

/* The columns of table visit by which it can be split, in the order of their bits; `person` is no
 * column and stands for all. Add at the end only: sealed files hold these bits. */
/* clang-format off */
#define FIRST_DIMENSIONS(X)                                                        \
    X(person) X(entry_page) X(exit_page) X(referrer) X(source) X(channel)          \
    X(utm_source) X(utm_medium) X(utm_campaign) X(utm_content) X(utm_term)         \
    X(country) X(browser) X(browser_version) X(os) X(os_version) X(device)
/* clang-format on */

enum first_dimension {
#define X(name) FIRST_AT_##name,
    FIRST_DIMENSIONS(X)
#undef X
        FIRST_AT_COUNT
};

#define FIRST_OF(name) (1U << FIRST_AT_##name)

#endif
