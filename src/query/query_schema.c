/* The JSON schema of a query, from the tables the parser reads. */
#include "query_parts.h"
#include "query_segment.h"

/* JSON with 'single quotes' for double ones. */
static void put(struct buf *o, const char *text) {
    for (const char *p = text; *p; p++)
        buf_addc(o, *p == '\'' ? '"' : *p);
}

static void put_word(struct buf *o, size_t *count, const char *word) {
    buf_adds(o, (*count)++ ? "," : "");
    json_write_string(o, span_str(word));
}

enum words {
    WORDS_OF_METRICS,
    WORDS_OF_DIMENSIONS,
    WORDS_OF_FILTERED,
    WORDS_OF_MATCHED, /* goals are not */
    WORDS_OF_RANGES,
};

static void put_words(struct buf *o, enum words which) {
    static const char *const ranges[] = {
#define RANGE(word, KIND, count) word,
#include "query_words.def"
#undef RANGE
    };
    size_t count = 0;
    for (size_t i = 0; which == WORDS_OF_METRICS && i < METRICS; i++)
        put_word(o, &count, metric_words[i]);
    for (size_t i = 0; which == WORDS_OF_RANGES && i < ARRAY_LEN(ranges); i++)
        put_word(o, &count, ranges[i]);
    bool timed = which == WORDS_OF_DIMENSIONS, matched = which == WORDS_OF_MATCHED;
    bool any = timed || matched || which == WORDS_OF_FILTERED;
    for (size_t i = 0; any && i < DIMS; i++)
        if (i != DIM_PROP && (timed || dim_infos[i].scope != SCOPE_TIME) &&
            !(matched && i == DIM_GOAL))
            put_word(o, &count, dim_infos[i].word);
}

static void put_enum(struct buf *o, enum words which) {
    put(o, "{'enum':[");
    put_words(o, which);
    put(o, "]}");
}

/* One of the words, or a property by its name. Characters are counted here, bytes by the parser. */
static void put_dimension(struct buf *o, enum words which) {
    put(o, "{'oneOf':[");
    put_enum(o, which);
    buf_addf(o, ",{\"type\":\"string\",\"pattern\":\"^%s[\\\\s\\\\S]\",\"maxLength\":%zu}]}",
             dim_infos[DIM_PROP].word, strlen(dim_infos[DIM_PROP].word) + QUERY_MOST_PROP_BYTES);
}

/* The operators from one place in enum filter_op to another. */
static void put_operators(struct buf *o, enum filter_op from, enum filter_op to) {
    static const struct {
        const char *word;
        enum filter_op op;
    } operators[] = {
#define OPERATOR(word, OP, negated) {word, FILTER_##OP},
#include "query_words.def"
#undef OPERATOR
    };
    size_t count = 0;
    put(o, "{'enum':[");
    for (size_t i = 0; i < ARRAY_LEN(operators); i++)
        if (operators[i].op >= from && operators[i].op <= to)
            put_word(o, &count, operators[i].word);
    put(o, "]}");
}

static void put_leaf(struct buf *o, enum filter_op from, enum filter_op to, int most_bytes,
                     const char *options) {
    put(o, "{'type':'array','minItems':3,'prefixItems':[");
    put_operators(o, from, to);
    put(o, ",");
    put_dimension(o, from == FILTER_MATCHES ? WORDS_OF_MATCHED : WORDS_OF_FILTERED);
    buf_addf(o,
             ",{\"type\":\"array\",\"minItems\":1,\"maxItems\":%d,\"items\":"
             "{\"type\":\"string\",\"maxLength\":%d}}",
             QUERY_MOST_VALUES, most_bytes);
    put(o, options);
}

static void put_segment(struct buf *o) {
    buf_addf(o,
             "{\"type\":\"array\",\"minItems\":3,\"maxItems\":3,\"prefixItems\":["
             "{\"enum\":[\"is\",\"is_not\"]},{\"enum\":[\"segment\"]},{\"type\":\"array\","
             "\"minItems\":1,\"maxItems\":%d,\"items\":{\"type\":[\"string\",\"integer\"]}}]},",
             QUERY_MOST_SEGMENTS);
}

static void put_filter(struct buf *o) {
    put(o, "'filter':{'oneOf':[");
    put_leaf(o, FILTER_IS, FILTER_CONTAINS, QUERY_MOST_VALUE_BYTES,
             ",{'type':'object','additionalProperties':false,"
             "'properties':{'case_sensitive':{'type':'boolean'}}}],'maxItems':4},");
    put_leaf(o, FILTER_MATCHES, FILTER_MATCHES, QUERY_MOST_PATTERN_BYTES, "],'maxItems':3},");
    put_segment(o);
    put(o, "{'type':'array','minItems':2,'maxItems':2,'prefixItems':[");
    put_operators(o, FILTER_AND, FILTER_OR);
    put(o, ",{'type':'array','minItems':1,'items':{'$ref':'#/$defs/filter'}}]},"
           "{'type':'array','minItems':2,'maxItems':2,'prefixItems':[");
    put_operators(o, FILTER_NOT, FILTER_HAS_DONE);
    put(o, ",{'$ref':'#/$defs/filter'}]}]}");
}

static void put_defs(struct buf *o) {
    put(o, "'$defs':{"
           "'date':{'type':'string','pattern':'^[0-9]{4}-[0-9]{2}-[0-9]{2}$'},"
           "'moment':{'type':'string','pattern':'^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:"
           "[0-9]{2}(\\\\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$'},"
           "'pair':{'type':'array','minItems':2,'maxItems':2,'oneOf':["
           "{'items':{'$ref':'#/$defs/date'}},{'items':{'$ref':'#/$defs/moment'}}]},");
    put_filter(o);
    put(o, "}");
}

static void put_lists(struct buf *o) {
    put(o, "'metrics':{'type':'array','minItems':1,'uniqueItems':true,'items':");
    put_enum(o, WORDS_OF_METRICS);
    put(o, "},'date_range':{'oneOf':[");
    put_enum(o, WORDS_OF_RANGES);
    put(o, ",{'$ref':'#/$defs/pair'}]},'date':{'$ref':'#/$defs/date'},");
    buf_addf(o,
             "\"dimensions\":{\"type\":\"array\",\"maxItems\":%d,\"uniqueItems\":true,\"items\":",
             QUERY_MOST_DIMS);
    put_dimension(o, WORDS_OF_DIMENSIONS);
    put(o, "},'filters':{'type':'array','items':{'$ref':'#/$defs/filter'}},"
           "'order_by':{'type':'array','items':{'type':'array','minItems':2,'maxItems':2,"
           "'prefixItems':[{'oneOf':[");
    put_enum(o, WORDS_OF_METRICS);
    put(o, ",");
    put_dimension(o, WORDS_OF_DIMENSIONS);
    put(o, "]},{'enum':['asc','desc']}]}},");
}

void query_schema(struct buf *out) {
    put(out, "{'$schema':'https://json-schema.org/draft/2020-12/schema','title':'query',"
             "'type':'object','required':['site_id','metrics','date_range'],"
             "'additionalProperties':false,'properties':{'site_id':{'type':['string','integer']},");
    put_lists(out);
    put(out, "'include':{'type':'object','additionalProperties':false,'properties':{"
             "'imports':{'type':'boolean'},'time_labels':{'type':'boolean'},"
             "'total_rows':{'type':'boolean'},'compare':{'oneOf':["
             "{'enum':['previous_period','year_over_year',null]},{'$ref':'#/$defs/pair'}]},"
             "'compare_match_day_of_week':{'type':'boolean'}}},");
    buf_addf(out,
             "\"pagination\":{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{"
             "\"limit\":{\"type\":\"integer\",\"minimum\":1,\"maximum\":%d},"
             "\"offset\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":%d}}}},",
             QUERY_MOST_LIMIT, QUERY_MOST_OFFSET);
    put_defs(out);
    put(out, "}");
}
