#include "channel.h"

enum fact {
    IS_DIRECT = 1 << 0,
    FROM_SEARCH = 1 << 1,
    FROM_SOCIAL = 1 << 2,
    FROM_VIDEO = 1 << 3,
    FROM_SHOP = 1 << 4,
    FROM_AI = 1 << 5,
    PAID = 1 << 6,
    DISPLAY = 1 << 7,
    SOCIAL = 1 << 8,
    VIDEO = 1 << 9,
    ORGANIC = 1 << 10,
    EMAIL = 1 << 11,
    AFFILIATE = 1 << 12,
    REFERRAL = 1 << 13,
    AUDIO = 1 << 14,
    SMS = 1 << 15,
    PUSH = 1 << 16,
    CROSS_CAMPAIGN = 1 << 17,
    SHOP_CAMPAIGN = 1 << 18,
};

/* The first row whose facts hold: all of `all`, and one of `any` unless that is 0. */
static const struct rule {
    unsigned all, any;
    struct span name;
} rules[] = {
#define RULE(all, any, name)         \
    {                                \
        (all), (any), {              \
            (name), sizeof(name) - 1 \
        }                            \
    }
    RULE(IS_DIRECT, 0, "Direct"),
    RULE(CROSS_CAMPAIGN, 0, "Cross-network"),
    RULE(PAID, FROM_SHOP | SHOP_CAMPAIGN, "Paid Shopping"),
    RULE(PAID, FROM_SEARCH, "Paid Search"),
    RULE(PAID, FROM_SOCIAL, "Paid Social"),
    RULE(PAID, FROM_VIDEO, "Paid Video"),
    RULE(DISPLAY, 0, "Display"),
    RULE(PAID, 0, "Paid Other"),
    RULE(0, FROM_SHOP | SHOP_CAMPAIGN, "Organic Shopping"),
    RULE(0, FROM_SOCIAL | SOCIAL, "Organic Social"),
    RULE(0, FROM_VIDEO | VIDEO, "Organic Video"),
    RULE(0, FROM_SEARCH | ORGANIC, "Organic Search"),
    RULE(FROM_AI, 0, "AI Assistants"),
    RULE(EMAIL, 0, "Email"),
    RULE(AFFILIATE, 0, "Affiliates"),
    RULE(REFERRAL, 0, "Referral"),
    RULE(AUDIO, 0, "Audio"),
    RULE(SMS, 0, "SMS"),
    RULE(PUSH, 0, "Mobile Push Notifications"),
#undef RULE
};

/* Media that say it in so many words. */
static const struct {
    struct span word;
    unsigned facts;
} media[] = {
#define MEDIUM(word, facts) \
    { {(word), sizeof(word) - 1}, (facts) }
    MEDIUM("display", DISPLAY),
    MEDIUM("banner", DISPLAY),
    MEDIUM("expandable", DISPLAY),
    MEDIUM("interstitial", DISPLAY),
    MEDIUM("cpm", DISPLAY),
    MEDIUM("ppc", PAID),
    MEDIUM("retargeting", PAID),
    MEDIUM("social", SOCIAL),
    MEDIUM("social-network", SOCIAL),
    MEDIUM("social-media", SOCIAL),
    MEDIUM("sm", SOCIAL),
    MEDIUM("social network", SOCIAL),
    MEDIUM("social media", SOCIAL),
    MEDIUM("organic", ORGANIC),
    MEDIUM("email", EMAIL),
    MEDIUM("e-mail", EMAIL),
    MEDIUM("e_mail", EMAIL),
    MEDIUM("e mail", EMAIL),
    MEDIUM("newsletter", EMAIL),
    MEDIUM("affiliate", AFFILIATE),
    MEDIUM("referral", REFERRAL),
    MEDIUM("app", REFERRAL),
    MEDIUM("link", REFERRAL),
    MEDIUM("audio", AUDIO),
    MEDIUM("sms", SMS),
    MEDIUM("ai-assistant", FROM_AI),
#undef MEDIUM
};

static const unsigned kind_facts[] = {
    [SOURCE_UNKNOWN] = 0,
    [SOURCE_SEARCH] = FROM_SEARCH,
    [SOURCE_SOCIAL] = FROM_SOCIAL,
    [SOURCE_VIDEO] = FROM_VIDEO,
    [SOURCE_SHOPPING] = FROM_SHOP,
    [SOURCE_AI] = FROM_AI,
    [SOURCE_EMAIL] = EMAIL,
    [SOURCE_AUDIO] = 0,
    [SOURCE_OTHER] = 0,
};

/* Most words differ in length, which is told without a call. */
static bool is_word(struct span s, struct span word) {
    return s.len == word.len && span_eq_nocase(s, word);
}

static bool holds(struct span s, struct span word) {
    for (size_t i = 0; i + word.len <= s.len; i++)
        if (ascii_lower(s.ptr[i]) == word.ptr[0] &&
            span_eq_nocase(span_of(s.ptr + i, word.len), word))
            return true;
    return false;
}

static unsigned medium_facts(struct span medium) {
    unsigned facts = 0;
    for (size_t i = 0; i < ARRAY_LEN(media); i++)
        if (is_word(medium, media[i].word))
            facts |= media[i].facts;
    /* GA4: ^(.*cp.*|ppc|retargeting|paid.*)$ — cpm is a paid medium for search and social too. */
    if (holds(medium, SPAN_LIT("cp")) || span_starts_nocase(medium, SPAN_LIT("paid")))
        facts |= PAID;
    if (holds(medium, SPAN_LIT("video")))
        facts |= VIDEO;
    if ((medium.len >= 4 && span_eq_nocase(span_from(medium, medium.len - 4), SPAN_LIT("push"))) ||
        holds(medium, SPAN_LIT("mobile")) || holds(medium, SPAN_LIT("notification")))
        facts |= PUSH;
    return facts;
}

/* GA4: ^(.*(([^a-df-z]|^)shop|shopping).*)$ */
static bool is_shop_campaign(struct span s) {
    for (size_t i = 0; i + 4 <= s.len; i++) {
        if (!span_eq_nocase(span_of(s.ptr + i, 4), SPAN_LIT("shop")))
            continue;
        char before = i ? ascii_lower(s.ptr[i - 1]) : '-';
        if (before < 'a' || before > 'z' || before == 'e' ||
            span_starts_nocase(span_from(s, i), SPAN_LIT("shopping")))
            return true;
    }
    return false;
}

static unsigned word_facts(struct span source) {
    static const struct {
        struct span word;
        unsigned facts;
    } words[] = {
        {{"email", 5}, EMAIL},   {{"e-mail", 6}, EMAIL},      {{"e_mail", 6}, EMAIL},
        {{"e mail", 6}, EMAIL},  {{"newsletter", 10}, EMAIL}, {{"sms", 3}, SMS},
        {{"firebase", 8}, PUSH},
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (is_word(source, words[i].word))
            return words[i].facts;
    return 0;
}

struct span channel_of(const struct channel_input *in) {
    unsigned facts = kind_facts[in->kind];
    if (in->medium.len)
        facts |= medium_facts(in->medium);
    else if (in->has_referrer)
        facts |= REFERRAL;
    if (in->source.len)
        facts |= word_facts(in->source);
    else if (in->medium.len == 0 && in->campaign.len == 0)
        facts |= IS_DIRECT;
    if (in->campaign.len) {
        facts |= holds(in->campaign, SPAN_LIT("cross-network")) ? CROSS_CAMPAIGN : 0;
        facts |= is_shop_campaign(in->campaign) ? SHOP_CAMPAIGN : 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        if ((facts & rules[i].all) == rules[i].all && (!rules[i].any || facts & rules[i].any))
            return rules[i].name;
    return SPAN_LIT("Unassigned");
}
