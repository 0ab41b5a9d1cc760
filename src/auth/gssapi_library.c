/* Opens MIT's GSSAPI: see gssapi_library.h. */
#include "auth/gssapi_library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

#define LIBRARY "libgssapi_krb5.so.2"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct gss_functions functions;
static char why[256]; /* "": it is open */

static const struct {
    const char *name;
    size_t offset;
} symbols[] = {
    { "gss_import_name", offsetof(struct gss_functions, import_name) },
    { "gss_release_name", offsetof(struct gss_functions, release_name) },
    { "gss_release_buffer", offsetof(struct gss_functions, release_buffer) },
    { "gss_acquire_cred_from", offsetof(struct gss_functions, acquire_cred_from) },
    { "gss_release_cred", offsetof(struct gss_functions, release_cred) },
    { "gss_init_sec_context", offsetof(struct gss_functions, init_sec_context) },
    { "gss_delete_sec_context", offsetof(struct gss_functions, delete_sec_context) },
    { "gss_wrap", offsetof(struct gss_functions, wrap) },
    { "gss_unwrap", offsetof(struct gss_functions, unwrap) },
    { "gss_wrap_size_limit", offsetof(struct gss_functions, wrap_size_limit) },
    { "gss_display_status", offsetof(struct gss_functions, display_status) },
};

static void open_library(void)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);

    if (!library) {
        const char *text = dlerror();

        snprintf(why, sizeof why, "%s", text ? text : LIBRARY " cannot be opened");
        return;
    }
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        void *symbol = dlsym(library, symbols[i].name);

        if (!symbol)
            snprintf(why, sizeof why, "%s has no %s", LIBRARY, symbols[i].name);
        memcpy((char *)&functions + symbols[i].offset, &symbol, sizeof symbol);
    }
}

int cove__gss_library(const struct gss_functions **ret, struct cove_error *err)
{
    pthread_once(&once, open_library);
    if (why[0])
        return cove__fail(err, COVE_ENOTSUP,
                          "Kerberos needs the library %s: install libgssapi-krb5-2 (Debian, Ubuntu) or krb5-libs "
                          "(Fedora, RHEL): %s",
                          LIBRARY, why);
    *ret = &functions;
    return 0;
}
