/* Checks return values of users' functions: see user_call.h. Used for every such call. */
#include "trainer/user_call.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

#define MAX_KEY 64 /* bytes of a state_key that are shown */

void cove__user_begin(struct cove_error *said)
{
    said->size = sizeof *said;
    cove__error_clear(said);
}

static bool known(int code)
{
    return code < 0 && strcmp(cove_code_name(code), "COVE_E?") != 0;
}

/* "ModelCheckpoint" of "ModelCheckpoint{'monitor': None, …}". */
static int short_length(const char *key)
{
    size_t n = key ? strcspn(key, "{") : 0;
    return n > MAX_KEY ? MAX_KEY : (int)n;
}

static void describe(const struct cove__owner *owner, char *out, size_t size)
{
    int n = owner ? short_length(owner->key) : 0;
    char index[32] = "", key[MAX_KEY + 4] = "";
    *out = '\0';
    if (!owner || (!owner->what && n == 0))
        return;
    if (owner->index != COVE__NO_INDEX)
        snprintf(index, sizeof index, "[%zu]", owner->index);
    if (n > 0)
        snprintf(key, sizeof key, owner->what ? " (%.*s)" : "%.*s", n, owner->key);
    snprintf(out, size, " of %s%s%s", owner->what ? owner->what : "", index, key);
}

/* Removes the owner's name from the front of the message, because it is added again. */
static void drop_name(char *message, const struct cove__owner *owner)
{
    size_t n = owner ? (size_t)short_length(owner->key) : 0;
    if (n > 0 && strncmp(message, owner->key, n) == 0 && strncmp(message + n, ": ", 2) == 0)
        memmove(message, message + n + 2, strlen(message + n + 2) + 1);
}

int cove__user_end(int rc, struct cove_error *said, const char *function, const struct cove__owner *owner,
                   struct cove_error *err)
{
    char of[160], wrong[64] = "";
    if (rc == 0)
        return 0;
    /* The function may have overwritten all of the struct. */
    said->size = sizeof *said;
    said->message[sizeof said->message - 1] = '\0';
    said->store_code[sizeof said->store_code - 1] = '\0';
    said->code = rc;
    describe(owner, of, sizeof of);
    drop_name(said->message, owner);
    if (!known(rc)) {
        said->code = COVE_EINVAL;
        snprintf(wrong, sizeof wrong, ": returned %d, must be 0 or a negative COVE_E…", rc);
    } else if (!said->message[0]) {
        snprintf(wrong, sizeof wrong, ": %s", cove_code_phrase(rc));
    }
    if (said->message[0])
        cove__error_prefix(said, said->code, "%s%s%s", function, of, wrong);
    else
        cove__error_add(said, "%s%s%s", function, of, wrong);
    return cove__error_copy(err, said);
}
