/* Hadoop's files of settings, by expat: between the bytes of a file and the settings of src/fs/hdfs. */
#include "wire/hadoop_conf.h"

#include <cove/error.h>
#include <expat.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"

#define ENTITY_MAX ((size_t)4 << 20)
#define NESTED_MAX 8 /* entities that are files, in such */

struct reader {
    const struct cove__hadoop_conf_handler *handler;
    void *user;
    XML_Parser parser; /* of the document, or of an entity in it */
    struct cove__buf text;
    size_t total;
    char *name, *value; /* owned: of the open <property> */
    bool final;
    unsigned long line;
    unsigned depth, nested;
    unsigned property; /* the depth of the open one; 0: none */
    unsigned skipped;  /* the depth of the element whose content is passed over; 0: none */
    unsigned include;  /* the depth of an <include> whose file is missing; 0: none */
    bool fallback;     /* it has one */
    int rc;
    unsigned long *ret_line;
    char *ret_why;
};

static void stop(struct reader *r, int rc)
{
    if (r->rc == 0)
        r->rc = rc;
    XML_StopParser(r->parser, XML_FALSE);
}

static void refuse(struct reader *r, const char *why, const char *what)
{
    if (r->rc == 0) {
        *r->ret_line = XML_GetCurrentLineNumber(r->parser);
        snprintf(r->ret_why, COVE__HADOOP_CONF_WHY_MAX, "%s%.80s", why, what);
    }
    stop(r, COVE_EPROTOCOL);
}

static const char *local_name(const char *name)
{
    const char *colon = strrchr(name, ':');

    return colon ? colon + 1 : name;
}

static void include(struct reader *r, const XML_Char **attributes)
{
    const char *href = NULL;
    int rc;

    for (size_t i = 0; attributes[i]; i += 2) {
        if (strcmp(local_name(attributes[i]), "href") == 0)
            href = attributes[i + 1];
    }
    if (!href) {
        refuse(r, "an include without href", "");
        return;
    }
    rc = r->handler->include(r->user, href);
    if (rc == COVE_ENOTFOUND) {
        r->include = r->depth;
        r->fallback = false;
    } else if (rc < 0) {
        stop(r, rc);
    } else {
        r->skipped = r->depth; /* its fallback */
    }
}

/* Takes the text of <name>, <value>, <final>, or of the attribute of <property> that stands for it. */
static void take(struct reader *r, const char *name, struct cove__slice text)
{
    char **field = strcmp(name, "name") == 0 ? &r->name : strcmp(name, "value") == 0 ? &r->value : NULL;

    while (text.size > 0 && strchr(" \t\r\n", text.data[0]))
        text = cove__slice_sub(text, 1, text.size);
    while (text.size > 0 && strchr(" \t\r\n", text.data[text.size - 1]))
        text.size--;
    if (field) {
        cove__free(*field);
        *field = cove__strndup(text.size ? (const char *)text.data : "", text.size);
        if (!*field)
            stop(r, COVE_ENOMEM);
    } else if (strcmp(name, "final") == 0) {
        r->final = text.size == 4 && strncasecmp((const char *)text.data, "true", 4) == 0;
    }
}

static void clear(struct reader *r)
{
    cove__free(r->name);
    cove__free(r->value);
    r->name = r->value = NULL;
    r->final = false;
}

static void on_start(void *user, const XML_Char *name, const XML_Char **attributes)
{
    struct reader *r = user;
    const char *local = local_name(name);

    if (++r->depth > COVE__HADOOP_CONF_DEPTH_MAX) {
        refuse(r, "elements are nested too deep", "");
        return;
    }
    cove__buf_reset(&r->text);
    if (r->skipped)
        return;
    if (r->depth == 1) {
        if (strcmp(local, "configuration") != 0)
            refuse(r, "the file's element is not <configuration> but ", local);
    } else if (strcmp(local, "include") == 0) {
        include(r, attributes);
    } else if (strcmp(local, "fallback") == 0) {
        r->fallback = true;
    } else if (strcmp(local, "property") == 0) {
        clear(r);
        r->property = r->depth;
        r->line = XML_GetCurrentLineNumber(r->parser);
        for (size_t i = 0; attributes[i]; i += 2)
            take(r, local_name(attributes[i]), cove__slice_str(attributes[i + 1]));
    }
}

static void end_property(struct reader *r)
{
    int rc;

    r->property = 0;
    if (!r->name || !*r->name) {
        refuse(r, "a property without a name", "");
        return;
    }
    if (!r->value) /* as for Hadoop, which keeps the names of such: not set */
        return;
    rc = r->handler->setting(r->user, r->name, r->value, r->final, r->line);
    if (rc < 0)
        stop(r, rc);
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
            refuse(r, "the included file is not there, and no <fallback> stands for it", "");
    }
    cove__buf_reset(&r->text);
    r->depth--;
}

static void on_text(void *user, const XML_Char *text, int length)
{
    struct reader *r = user;

    r->total += (size_t)length;
    if (r->total > COVE__HADOOP_CONF_TOTAL_MAX || cove__buf_add(&r->text, text, (size_t)length) == COVE_ELIMIT)
        refuse(r, "too much text: do its entities repeat each other?", "");
    else if (cove__buf_rc(&r->text) < 0)
        stop(r, COVE_ENOMEM);
}

/* An entity whose text is another file. */
static int on_external(XML_Parser parser, const XML_Char *context, const XML_Char *base, const XML_Char *system_id,
                       const XML_Char *public_id)
{
    struct reader *r = XML_GetUserData(parser);
    struct cove__buf text = COVE__BUF_INIT(ENTITY_MAX);
    XML_Parser inner = NULL;
    int rc;

    (void)base;
    (void)public_id;
    r->parser = parser;
    if (!system_id || r->nested >= NESTED_MAX)
        refuse(r, "an entity without a file, or nested too deep", "");
    rc = r->rc == 0 ? r->handler->entity(r->user, system_id, &text) : r->rc;
    if (rc == COVE_ENOTFOUND)
        refuse(r, "an entity's file is not there: ", system_id);
    else if (rc < 0)
        stop(r, rc);
    else if (!(inner = XML_ExternalEntityParserCreate(parser, context, NULL)))
        stop(r, COVE_ENOMEM);
    if (inner) {
        r->parser = inner;
        r->nested++;
        if (XML_Parse(inner, text.size ? (const char *)text.data : "", (int)text.size, XML_TRUE) != XML_STATUS_OK)
            refuse(r, "an entity's file is not well-formed XML: ", XML_ErrorString(XML_GetErrorCode(inner)));
        r->nested--;
        XML_ParserFree(inner);
    }
    r->parser = parser;
    cove__buf_done(&text);
    return r->rc == 0 ? XML_STATUS_OK : XML_STATUS_ERROR;
}

int cove__hadoop_conf_read(struct cove__slice document, const struct cove__hadoop_conf_handler *handler, void *user,
                           unsigned long *ret_line, char ret_why[COVE__HADOOP_CONF_WHY_MAX])
{
    struct reader r = { .handler = handler,
                        .user = user,
                        .text = COVE__BUF_INIT(COVE__HADOOP_CONF_TEXT_MAX),
                        .ret_line = ret_line,
                        .ret_why = ret_why };

    if (document.size > INT32_MAX)
        return COVE_ELIMIT;
    r.parser = XML_ParserCreate(NULL);
    if (!r.parser)
        return COVE_ENOMEM;
    XML_SetUserData(r.parser, &r);
    XML_SetElementHandler(r.parser, on_start, on_end);
    XML_SetCharacterDataHandler(r.parser, on_text);
    XML_SetExternalEntityRefHandler(r.parser, on_external);
    if (XML_Parse(r.parser, document.size ? (const char *)document.data : "", (int)document.size, XML_TRUE) !=
        XML_STATUS_OK)
        refuse(&r, "not well-formed XML: ", XML_ErrorString(XML_GetErrorCode(r.parser)));
    XML_ParserFree(r.parser);
    clear(&r);
    cove__buf_done(&r.text);
    return r.rc;
}
