/*
 * One file of Hadoop's settings. Sites write them with all that XML offers: entities, included files. Both are read,
 * from the same folder only, within limits on size, depth and number.
 */
#include <errno.h>
#include <expat.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "fs/hdfs/hdfs_site.h"

#define FILE_MAX       ((size_t)4 << 20)
#define TEXT_MAX       ((size_t)64 << 10) /* of a name or a value */
#define TEXT_TOTAL_MAX ((size_t)8 << 20)  /* of all, entities replaced */
#define DEPTH_MAX      32                 /* of elements */
#define NESTED_MAX     8                  /* files that include each other */
#define FILES_MAX      64

/* What a file and those that it includes share. */
struct shared {
    struct cove__hdfs_site *site;
    struct cove_error *err;
    unsigned nested, files;
    size_t text_total;
};

struct reader {
    struct shared *shared;
    const char *path;
    XML_Parser parser; /* of the file, or of an entity in it */
    struct cove__buf text;
    struct cove__hdfs_setting setting; /* of the open <property> */
    unsigned depth, property;          /* property: the depth of the open one; 0: none */
    unsigned skipped;                  /* the depth of the element whose content is passed over; 0: none */
    unsigned include;                  /* the depth of an <include> whose file is missing; 0: none */
    bool fallback;                     /* it has one */
    int rc;
};

static int fail(struct reader *r, int code, const char *text, const char *what)
{
    if (r->rc == 0)
        r->rc =
            cove__fail(r->shared->err, code, "%s:%lu: %s%s", r->path, XML_GetCurrentLineNumber(r->parser), text, what);
    XML_StopParser(r->parser, XML_FALSE);
    return r->rc;
}

static const char *local_name(const char *name)
{
    const char *colon = strrchr(name, ':');

    return colon ? colon + 1 : name;
}

static int parse_file(struct shared *shared, const char *path);

/* The path of a file that is named by a file; it must be in the same folder. */
static char *beside(struct reader *r, const char *href)
{
    const char *slash = strrchr(r->path, '/'), *name = href;
    size_t folder = slash ? (size_t)(slash - r->path) + 1 : 0;
    struct cove__buf out = COVE__BUF_INIT(PATH_MAX);

    if (strncmp(name, "file://", 7) == 0)
        name += 7;
    if (folder > 0 && strncmp(name, r->path, folder) == 0)
        name += folder;
    while (strncmp(name, "./", 2) == 0)
        name += 2;
    if (!*name || strchr(name, '/') || strcmp(name, "..") == 0) {
        fail(r, COVE_EINVAL, "only a file of the same folder can be included, which this is not: ", href);
        return NULL;
    }
    cove__buf_add(&out, r->path, folder);
    cove__buf_add_str(&out, name);
    char *path = cove__buf_take(&out);

    if (!path)
        fail(r, COVE_ENOMEM, "no memory for a file's name", "");
    return path;
}

static void include(struct reader *r, const XML_Char **attributes)
{
    const char *href = NULL;

    for (size_t i = 0; attributes[i]; i += 2) {
        if (strcmp(local_name(attributes[i]), "href") == 0)
            href = attributes[i + 1];
    }
    if (!href) {
        fail(r, COVE_EINVAL, "an include without href", "");
        return;
    }
    char *path = beside(r, href);

    if (!path)
        return;
    int rc = parse_file(r->shared, path);

    cove__free(path);
    if (rc == COVE_ENOTFOUND) {
        r->include = r->depth;
        r->fallback = false;
    } else if (rc < 0) {
        r->rc = rc;
        XML_StopParser(r->parser, XML_FALSE);
    } else {
        r->skipped = r->depth; /* its fallback */
    }
}

/* Takes the text of <name>, <value>, <final>, or of the attribute of <property> that stands for it. */
static void take(struct reader *r, const char *name, struct cove__slice text)
{
    char **field = strcmp(name, "name") == 0 ? &r->setting.name : strcmp(name, "value") == 0 ? &r->setting.value : NULL;

    while (text.size > 0 && strchr(" \t\r\n", text.data[0]))
        text = cove__slice_sub(text, 1, text.size);
    while (text.size > 0 && strchr(" \t\r\n", text.data[text.size - 1]))
        text.size--;
    if (field) {
        cove__free(*field);
        *field = cove__strndup(text.size ? (const char *)text.data : "", text.size);
        if (!*field)
            fail(r, COVE_ENOMEM, "no memory for a setting", "");
    } else if (strcmp(name, "final") == 0) {
        r->setting.final = text.size == 4 && strncasecmp((const char *)text.data, "true", 4) == 0;
    }
}

static void clear(struct reader *r)
{
    cove__free(r->setting.name);
    cove__free(r->setting.value);
    r->setting = (struct cove__hdfs_setting){ 0 };
}

static void on_start(void *user, const XML_Char *name, const XML_Char **attributes)
{
    struct reader *r = user;
    const char *local = local_name(name);

    if (++r->depth > DEPTH_MAX) {
        fail(r, COVE_EINVAL, "elements are nested too deep", "");
        return;
    }
    cove__buf_reset(&r->text);
    if (r->skipped)
        return;
    if (r->depth == 1) {
        if (strcmp(local, "configuration") != 0)
            fail(r, COVE_EINVAL, "the file's element is not <configuration> but ", local);
    } else if (strcmp(local, "include") == 0) {
        include(r, attributes);
    } else if (strcmp(local, "fallback") == 0) {
        r->fallback = true;
    } else if (strcmp(local, "property") == 0) {
        clear(r);
        r->property = r->depth;
        r->setting.line = XML_GetCurrentLineNumber(r->parser);
        for (size_t i = 0; attributes[i]; i += 2)
            take(r, local_name(attributes[i]), cove__slice_str(attributes[i + 1]));
    }
}

static void end_property(struct reader *r)
{
    int rc;

    r->property = 0;
    if (!r->setting.name || !*r->setting.name) {
        fail(r, COVE_EINVAL, "a property without a name", "");
        return;
    }
    if (!r->setting.value) /* as for Hadoop, which keeps the names of such: not set */
        return;
    r->setting.file = (char *)r->path;
    rc = cove__hdfs_site_set(r->shared->site, &r->setting);
    if (rc < 0)
        fail(r, rc, rc == COVE_ELIMIT ? "too many settings" : "no memory for a setting", "");
    r->setting.file = NULL;
}

static void on_end(void *user, const XML_Char *name)
{
    struct reader *r = user;

    if (r->rc < 0)
        return; /* an empty element still gets its end after a stop in its start */
    if (r->skipped) {
        if (r->skipped == r->depth)
            r->skipped = 0;
    } else if (r->property && r->depth == r->property + 1) {
        take(r, local_name(name), cove__buf_slice(&r->text));
    } else if (r->property == r->depth && r->property) {
        end_property(r);
    } else if (r->include == r->depth && r->include) {
        r->include = 0;
        if (!r->fallback)
            fail(r, COVE_EINVAL, "the included file is not there, and no <fallback> stands for it", "");
    }
    cove__buf_reset(&r->text);
    r->depth--;
}

static void on_text(void *user, const XML_Char *text, int length)
{
    struct reader *r = user;

    r->shared->text_total += (size_t)length;
    if (r->shared->text_total > TEXT_TOTAL_MAX || cove__buf_add(&r->text, text, (size_t)length) == COVE_ELIMIT)
        fail(r, COVE_EINVAL, "too much text: do its entities repeat each other?", "");
    else if (cove__buf_rc(&r->text) < 0)
        fail(r, COVE_ENOMEM, "no memory for a value", "");
}

/* ---- files ---- */

static int read_text(const char *path, struct cove__buf *out, struct cove_error *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc = 0; /* a FIFO must not hold up the open */
    struct stat stat;
    char chunk[16384];
    ssize_t n = 1;

    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR ? COVE_ENOTFOUND : cove__fail_errno(err, errno, "%s", path);
    if (fstat(fd, &stat) < 0 || !S_ISREG(stat.st_mode))
        rc = cove__fail(err, COVE_EINVAL, "%s: not a regular file", path);
    while (rc == 0 && n > 0) {
        n = read(fd, chunk, sizeof chunk);
        if (n < 0)
            rc = cove__fail_errno(err, errno, "%s", path);
        else if (cove__buf_add(out, chunk, (size_t)n) < 0)
            rc = cove__buf_rc(out) == COVE_ENOMEM
                     ? cove__fail_nomem(err, "a site file")
                     : cove__fail(err, COVE_EINVAL, "%s: larger than %zu bytes", path, FILE_MAX);
    }
    close(fd);
    return rc;
}

/* An entity whose text is another file. */
static int on_external(XML_Parser parser, const XML_Char *context, const XML_Char *base, const XML_Char *system_id,
                       const XML_Char *public_id)
{
    struct reader *r = XML_GetUserData(parser);
    struct cove__buf text = COVE__BUF_INIT(FILE_MAX);
    char *path = NULL;
    XML_Parser inner = NULL;

    (void)base;
    (void)public_id;
    r->parser = parser;
    if (system_id && ++r->shared->files <= FILES_MAX)
        path = beside(r, system_id);
    if (path && read_text(path, &text, r->shared->err) == 0)
        inner = XML_ExternalEntityParserCreate(parser, context, NULL);
    if (inner) {
        r->parser = inner;
        if (XML_Parse(inner, (const char *)text.data, (int)text.size, XML_TRUE) != XML_STATUS_OK && r->rc == 0)
            r->rc = cove__fail(r->shared->err, COVE_EINVAL, "%s:%lu: %s", path, XML_GetCurrentLineNumber(inner),
                               XML_ErrorString(XML_GetErrorCode(inner)));
        XML_ParserFree(inner);
    } else if (r->rc == 0) {
        fail(r, COVE_EINVAL, "an entity's file cannot be read: ", system_id ? system_id : "");
    }
    r->parser = parser;
    cove__buf_done(&text);
    cove__free(path);
    return r->rc == 0 ? XML_STATUS_OK : XML_STATUS_ERROR;
}

static int parse_text(struct shared *shared, const char *path, struct cove__slice text)
{
    struct reader r = { .shared = shared, .path = path, .text = COVE__BUF_INIT(TEXT_MAX) };

    r.parser = XML_ParserCreate(NULL);
    if (!r.parser)
        return cove__fail_nomem(shared->err, "a parser");
    XML_SetUserData(r.parser, &r);
    XML_SetElementHandler(r.parser, on_start, on_end);
    XML_SetCharacterDataHandler(r.parser, on_text);
    XML_SetExternalEntityRefHandler(r.parser, on_external);
    if (XML_Parse(r.parser, text.size ? (const char *)text.data : "", (int)text.size, XML_TRUE) != XML_STATUS_OK &&
        r.rc == 0)
        fail(&r, COVE_EINVAL, "not well-formed XML: ", XML_ErrorString(XML_GetErrorCode(r.parser)));
    XML_ParserFree(r.parser);
    clear(&r);
    cove__buf_done(&r.text);
    return r.rc;
}

static int parse_file(struct shared *shared, const char *path)
{
    struct cove__buf text = COVE__BUF_INIT(FILE_MAX);
    int rc;

    if (shared->nested >= NESTED_MAX || ++shared->files > FILES_MAX)
        return cove__fail(shared->err, COVE_EINVAL, "%s: too many files include each other", path);
    rc = read_text(path, &text, shared->err);
    shared->nested++;
    if (rc == 0)
        rc = parse_text(shared, path, cove__buf_slice(&text));
    shared->nested--;
    cove__buf_done(&text);
    return rc;
}

int cove__hdfs_site_read_file(struct cove__hdfs_site *site, const char *path, struct cove_error *err)
{
    struct shared shared = { .site = site, .err = err };

    return parse_file(&shared, path);
}
