/* Qualities of protection: see sasl.h. */
#include "wire/sasl.h"

#include <string.h>
#include <strings.h>

static unsigned quality_of(const char *word, size_t size)
{
    static const struct {
        const char *name;
        unsigned quality;
    } names[] = {
        { "authentication", COVE__SASL_AUTH },
        { "integrity", COVE__SASL_INTEGRITY },
        { "privacy", COVE__SASL_PRIVACY },
    };

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strlen(names[i].name) == size && strncasecmp(names[i].name, word, size) == 0)
            return names[i].quality;
    }
    return 0;
}

int cove__sasl_read_qualities(const char *text, struct cove__sasl_qualities *ret)
{
    *ret = (struct cove__sasl_qualities){ 0 };
    for (;;) {
        text += strspn(text, ", \t\r\n");
        size_t size = strcspn(text, ", \t\r\n");
        unsigned quality = quality_of(text, size);

        if (size == 0)
            return ret->n > 0 ? 0 : -1;
        if (quality == 0)
            return -1;
        if (cove__sasl_choose(ret, quality) == 0)
            ret->order[ret->n++] = quality;
        text += size;
    }
}

unsigned cove__sasl_choose(const struct cove__sasl_qualities *accepted, unsigned offered)
{
    for (size_t i = 0; i < accepted->n; i++) {
        if (accepted->order[i] & offered)
            return accepted->order[i];
    }
    return 0;
}
