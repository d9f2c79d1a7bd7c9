#include "journey_parts.h"

static json_t *page_json(const struct journey *j, const struct journey_node *n) {
    if (n->page == 0)
        return json_string(dim_infos[DIM_PAGE].empty);
    struct span page = j->tree.pages->texts[n->page - 1];
    return json_stringn(page.ptr, page.len);
}

static json_t *path_json(const struct journey *j, const struct journey_node *n) {
    JSON_AUTO path = json_array();
    for (; n->level > 0; n = &j->tree.nodes[n->parent])
        if (json_array_insert_new(path, 0, page_json(j, n)) < 0)
            return NULL;
    return TAKE_PTR(path);
}

static json_t *count_json(const struct journey *j, uint32_t count) {
    return json_integer(output_rounded(&j->walk.output, count));
}

/* After the last level nothing is known. */
static json_t *row_json(const struct journey *j, const struct journey_node *n) {
    JSON_AUTO row =
        json_pack("{s:o, s:o}", "path", path_json(j, n), "visits", count_json(j, n->visits));
    if (!row || n->level == j->tree.levels)
        return TAKE_PTR(row);
    if (json_object_set_new(row, "ended", n->ended_shown ? count_json(j, n->ended) : json_null()) <
            0 ||
        json_object_set_new(row, "other", count_json(j, n->other)) < 0)
        return NULL;
    return TAKE_PTR(row);
}

/* A path, then those that go on from it. As deep as paths are long. */
static int add_rows(const struct journey *j, const struct journey_node *n, json_t *list) {
    int failed = json_array_append_new(list, row_json(j, n));
    for (uint32_t i = 0; !failed && i < n->children; i++)
        failed = add_rows(j, &j->tree.nodes[j->tree.shown[n->first_child + i]], list);
    return failed;
}

static json_t *results_json(const struct journey *j) {
    JSON_AUTO list = json_array();
    const struct journey_node *from = &j->tree.nodes[0];
    bool shown = from->shown;
    if (shown && j->entry.ptr) /* the only way to go */
        from = &j->tree.nodes[j->tree.shown[from->first_child]];
    if (!list || (shown && add_rows(j, from, list)))
        return NULL;
    return TAKE_PTR(list);
}

static json_t *meta_json(const struct journey *j) {
    JSON_AUTO meta = walk_meta(&j->walk);
    (void)json_object_del(meta, "metric_notes"); /* of visitors, which are not told here */
    (void)json_object_del(meta, "hidden_below"); /* the threshold */
    if (json_object_set_new(meta, "threshold", json_integer(j->threshold)) < 0)
        return NULL;
    return TAKE_PTR(meta);
}

static json_t *query_json(const struct journey *j, const json_t *request) {
    JSON_AUTO query = walk_query(&j->walk, request);
    json_t *from = j->entry.ptr ? json_pack("{s:s%}", "entry", j->entry.ptr, j->entry.len)
                                : json_pack("{s:s}", "entry", "any");
    if (json_object_set_new(query, "from", from) < 0 ||
        json_object_set_new(query, "depth", json_integer(j->depth)) < 0 ||
        json_object_set_new(query, "limit", json_integer(j->limit)) < 0)
        return NULL;
    return TAKE_PTR(query);
}

json_t *journey_reply(const struct journey *j, const json_t *request) {
    return json_pack("{s:o, s:o, s:o}", "results", results_json(j), "meta", meta_json(j), "query",
                     query_json(j, request));
}
